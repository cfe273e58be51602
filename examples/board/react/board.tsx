import { usePresence } from 'nestjs-push-client/react';
import { board } from '../page/session.js';
import type { Presence } from '../server/topics.js';
import { Activity } from './activity.js';
import { Export } from './export.js';
import { Feed } from './feed.js';
import { Notes } from './notes.js';

/** Whoever has it on the page is at the board. */
export function Board() {
  const { users, set } = usePresence<Presence>(`boards.${board}`);
  return (
    <main id="board">
      <ul id="present">
        {users.map(({ user, data }) => (
          <li key={user} data-user={user} className={data?.writing ? 'writing' : undefined}>
            {user}
          </li>
        ))}
      </ul>
      <Notes />
      <Feed onWriting={(writing) => set({ writing })} />
      <Export />
      <Activity />
    </main>
  );
}
