import { useEvents } from 'nestjs-push-client/react';
import type { PushEvent } from 'nestjs-push-client';
import { useState } from 'react';
import { board } from '../page/session.js';

/** How many events are shown. */
const most = 1_000;

/** All that has happened since the page was opened: a handler gets each event once. */
export function Activity() {
  const [events, setEvents] = useState<readonly PushEvent[]>([]);
  const add = (_: unknown, event: PushEvent) => setEvents((before) => [...before, event].slice(-most));
  useEvents(`boards.${board}.notes.*`, add);
  useEvents(`boards.${board}.feed`, add);
  return (
    <section>
      <h2>Activity</h2>
      <ol id="activity">
        {events.map(({ id, topic }, index) => (
          <li key={index} data-id={id} data-topic={topic}>
            {topic}
          </li>
        ))}
      </ol>
    </section>
  );
}
