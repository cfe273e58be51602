import { Component, EventEmitter, Output } from '@angular/core';
import { injectHistory, injectPublish } from 'nestjs-push-client/angular';
import { board } from '../page/session.js';

const topic = `boards.${board}.feed` as const;

/** What was said: the newest on top, and older pages on request. */
@Component({
  selector: 'board-feed',
  template: `
    <section>
      <form id="say" (submit)="say($event)">
        <input #text name="text" aria-label="A message" required (input)="writing.emit(text.value !== '')" />
        <button>Say</button>
      </form>
      <ul id="sending">
        @for (event of publishing.pending(); track event.key) {
          <li class="sending">
            <span>{{ event.data.text }}</span>
            @if (event.error) {
              <button (click)="event.retry()">Try again: {{ event.error.message }}</button>
            }
          </li>
        }
      </ul>
      <ol id="feed">
        @for (event of history.events(); track event.id) {
          <li [attr.data-id]="event.id">
            <b>{{ event.data.author }}</b> <span>{{ event.data.text }}</span>
          </li>
        }
      </ol>
      @if (history.hasOlder()) {
        <button id="older" (click)="history.loadOlder()">Older</button>
      }
    </section>
  `,
})
export class Feed {
  @Output() readonly writing = new EventEmitter<boolean>();

  protected readonly history = injectHistory(topic, { limit: 20 });
  protected readonly publishing = injectPublish(topic);

  protected say(event: Event): void {
    event.preventDefault();
    const form = event.target as HTMLFormElement;
    void this.publishing.publish({ text: String(new FormData(form).get('text')) });
    form.reset();
    this.writing.emit(false);
  }
}
