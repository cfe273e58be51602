import { useLatest, useRun } from 'nestjs-push-client/react';
import { useState } from 'react';
import { board, request } from '../page/session.js';

/** The newest export of what was said, while it is written and afterwards, whoever has asked for it. */
export function Export() {
  const newest = useLatest(`boards.${board}.export`);
  const [error, setError] = useState<string>();
  return (
    <section>
      <button id="export" onClick={async () => setError(await request('POST', 'exports'))}>
        Export
      </button>
      {error && <p role="alert">{error}</p>}
      {newest && <File key={newest.id} id={newest.id} author={newest.author} />}
    </section>
  );
}

function File({ id, author }: { readonly id: string; readonly author: string }) {
  const { status, text, state } = useRun(`boards.${board}.exports.${id}`);
  return (
    <figure data-run={id}>
      <figcaption>
        For {author}: <output id="run">{status}</output>
      </figcaption>
      {status === 'running' && (
        <p>
          <progress value={state?.progress ?? 0} /> {state?.message}
          <button id="stop" onClick={() => void request('DELETE', `exports/${id}`)}>
            Stop
          </button>
        </p>
      )}
      <pre id="file">{text}</pre>
    </figure>
  );
}
