import { Component } from '@angular/core';
import { injectPresence } from 'nestjs-push-client/angular';
import { board } from '../page/session.js';
import type { Presence } from '../server/topics.js';
import { Activity } from './activity.js';
import { Export } from './export.js';
import { Feed } from './feed.js';
import { Notes } from './notes.js';

/** Whoever has it on the page is at the board. */
@Component({
  selector: 'board-page',
  imports: [Activity, Export, Feed, Notes],
  template: `
    <main id="board">
      <ul id="present">
        @for (present of presence.users(); track present.user) {
          <li [attr.data-user]="present.user" [class.writing]="present.data?.writing">{{ present.user }}</li>
        }
      </ul>
      <board-notes />
      <board-feed (writing)="presence.set({ writing: $event })" />
      <board-export />
      <board-activity />
    </main>
  `,
})
export class Board {
  protected readonly presence = injectPresence<Presence>(`boards.${board}`);
}
