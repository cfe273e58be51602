import { Component, EventEmitter, Input, Output } from '@angular/core';
import { injectPublish } from 'nestjs-push-client/angular';
import { request } from '../page/session.js';
import type { NewNote, Note } from '../server/topics.js';

@Component({
  selector: 'board-note',
  template: `
    @let now = shown();
    <li
      [attr.data-topic]="topic"
      [class.sending]="publishing.pending().length > 0"
      [style.left.%]="now.x"
      [style.top.%]="now.y"
    >
      {{ now.text }}
      <button class="move" [attr.aria-label]="'Move: ' + now.text" (click)="move()">→</button>
      <button class="remove" [attr.aria-label]="'Remove: ' + now.text" (click)="remove()">×</button>
    </li>
  `,
})
export class PinnedNote {
  // `input()` takes the CLI of Angular, or a plugin of the bundler.
  @Input({ required: true }) topic!: string;
  @Input({ required: true }) note!: Note;
  @Output() readonly failure = new EventEmitter<string | undefined>();

  protected readonly publishing = injectPublish<NewNote>(() => this.topic);

  /** Ahead of the server while a move is on its way. */
  protected shown(): Note {
    return { ...this.note, ...this.publishing.pending().at(-1)?.data };
  }

  protected move(): void {
    const { text, x, y } = this.shown();
    void this.publishing.publish({ text, x: (x + 10) % 70, y });
  }

  protected async remove(): Promise<void> {
    this.failure.emit(await request('DELETE', `notes/${this.topic.split('.').at(-1)}`));
  }
}
