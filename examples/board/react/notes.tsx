import { usePublish, useStateMap } from 'nestjs-push-client/react';
import { useState } from 'react';
import { board, push, request } from '../page/session.js';
import type { NewNote, Note } from '../server/topics.js';

/** The notes as they are now, the same for all. */
export function Notes() {
  const { entries: notes } = useStateMap(`boards.${board}.notes.*`);
  const [error, setError] = useState<string>();

  async function pin(form: FormData) {
    const note = { text: String(form.get('text')), x: 0, y: (notes.size * 12) % 90 };
    await push.publish(`boards.${board}.notes.${crypto.randomUUID()}`, note).then(
      () => setError(undefined),
      (reason: unknown) => setError(String(reason)),
    );
  }

  return (
    <section>
      <form id="pin" action={pin}>
        <input name="text" aria-label="A note" required />
        <button>Pin</button>
      </form>
      {error && <p role="alert">{error}</p>}
      <ul id="notes">
        {[...notes].map(([topic, note]) => (
          <PinnedNote key={topic} topic={topic} note={note} onFailure={setError} />
        ))}
      </ul>
    </section>
  );
}

interface PinnedNoteProps {
  readonly topic: string;
  readonly note: Note;
  readonly onFailure: (reason: string | undefined) => void;
}

function PinnedNote({ topic, note, onFailure }: PinnedNoteProps) {
  const { publish, pending } = usePublish<NewNote>(topic);
  // Ahead of the server while a move is on its way.
  const { text, x, y } = { ...note, ...pending.at(-1)?.data };
  const remove = async () => onFailure(await request('DELETE', `notes/${topic.split('.').at(-1)}`));
  return (
    <li
      data-topic={topic}
      className={pending.length > 0 ? 'sending' : undefined}
      style={{ left: `${x}%`, top: `${y}%` }}
    >
      {text}
      <button
        className="move"
        aria-label={`Move: ${text}`}
        onClick={() => publish({ text, x: (x + 10) % 70, y })}
      >
        →
      </button>
      <button className="remove" aria-label={`Remove: ${text}`} onClick={() => void remove()}>
        ×
      </button>
    </li>
  );
}
