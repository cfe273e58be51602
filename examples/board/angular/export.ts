import { Component, signal } from '@angular/core';
import { injectLatest } from 'nestjs-push-client/angular';
import { board, request } from '../page/session.js';
import { ExportedFile } from './exported-file.js';

/** The newest export of what was said, while it is written and afterwards, whoever has asked for it. */
@Component({
  selector: 'board-export',
  imports: [ExportedFile],
  template: `
    <section>
      <button id="export" (click)="start()">Export</button>
      @if (error()) {
        <p role="alert">{{ error() }}</p>
      }
      @if (newest(); as run) {
        <board-file [id]="run.id" [author]="run.author" />
      }
    </section>
  `,
})
export class Export {
  protected readonly newest = injectLatest(`boards.${board}.export`);
  protected readonly error = signal<string | undefined>(undefined);

  protected async start(): Promise<void> {
    this.error.set(await request('POST', 'exports'));
  }
}
