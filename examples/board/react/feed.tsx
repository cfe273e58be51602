import { useHistory, usePublish } from 'nestjs-push-client/react';
import { board } from '../page/session.js';

const topic = `boards.${board}.feed` as const;

/** What was said: the newest on top, and older pages on request. */
export function Feed({ onWriting }: { readonly onWriting: (isWriting: boolean) => void }) {
  const { events, hasOlder, loadOlder } = useHistory(topic, { limit: 20 });
  const { publish, pending } = usePublish(topic);

  function say(form: FormData) {
    void publish({ text: String(form.get('text')) });
    onWriting(false);
  }

  return (
    <section>
      <form id="say" action={say}>
        <input
          name="text"
          aria-label="A message"
          required
          onInput={({ currentTarget }) => onWriting(currentTarget.value !== '')}
        />
        <button>Say</button>
      </form>
      <ul id="sending">
        {pending.map(({ key, data, error, retry }) => (
          <li key={key} className="sending">
            <span>{data.text}</span> {error && <button onClick={retry}>Try again: {error.message}</button>}
          </li>
        ))}
      </ul>
      <ol id="feed">
        {events.map(({ id, data }) => (
          <li key={id} data-id={id}>
            <b>{data.author}</b> <span>{data.text}</span>
          </li>
        ))}
      </ol>
      {hasOlder && (
        <button id="older" onClick={loadOlder}>
          Older
        </button>
      )}
    </section>
  );
}
