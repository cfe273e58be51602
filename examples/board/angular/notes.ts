import { Component, signal } from '@angular/core';
import { injectPush, injectStateMap } from 'nestjs-push-client/angular';
import { board } from '../page/session.js';
import { PinnedNote } from './pinned-note.js';

/** The notes as they are now, the same for all. */
@Component({
  selector: 'board-notes',
  imports: [PinnedNote],
  template: `
    <section>
      <form id="pin" (submit)="pin($event)">
        <input name="text" aria-label="A note" required />
        <button>Pin</button>
      </form>
      @if (error()) {
        <p role="alert">{{ error() }}</p>
      }
      <ul id="notes">
        @for (entry of notes(); track entry[0]) {
          <board-note [topic]="entry[0]" [note]="entry[1]" (failure)="error.set($event)" />
        }
      </ul>
    </section>
  `,
})
export class Notes {
  private readonly push = injectPush();
  protected readonly notes = injectStateMap(`boards.${board}.notes.*`).entries;
  protected readonly error = signal<string | undefined>(undefined);

  protected async pin(event: Event): Promise<void> {
    event.preventDefault();
    const form = event.target as HTMLFormElement;
    const note = { text: String(new FormData(form).get('text')), x: 0, y: (this.notes().size * 12) % 90 };
    form.reset();
    try {
      await this.push.publish(`boards.${board}.notes.${crypto.randomUUID()}`, note);
      this.error.set(undefined);
    } catch (reason) {
      this.error.set(String(reason));
    }
  }
}
