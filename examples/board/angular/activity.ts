import { Component, signal } from '@angular/core';
import type { PushEvent } from 'nestjs-push-client';
import { injectEvents } from 'nestjs-push-client/angular';
import { board } from '../page/session.js';

/** How many events are shown. */
const most = 1_000;

/** All that has happened since the page was opened: a handler gets each event once. */
@Component({
  selector: 'board-activity',
  template: `
    <section>
      <h2>Activity</h2>
      <ol id="activity">
        @for (event of events(); track $index) {
          <li [attr.data-id]="event.id" [attr.data-topic]="event.topic">{{ event.topic }}</li>
        }
      </ol>
    </section>
  `,
})
export class Activity {
  protected readonly events = signal<readonly PushEvent[]>([]);

  constructor() {
    const add = (_: unknown, event: PushEvent) =>
      this.events.update((events) => [...events, event].slice(-most));
    injectEvents(`boards.${board}.notes.*`, add);
    injectEvents(`boards.${board}.feed`, add);
  }
}
