import { Component, Input, signal } from '@angular/core';
import { injectRun } from 'nestjs-push-client/angular';
import { board, request } from '../page/session.js';

@Component({
  selector: 'board-file',
  template: `
    <figure [attr.data-run]="current()">
      <figcaption>
        For {{ author }}: <output id="run">{{ run.status() }}</output>
      </figcaption>
      @if (run.status() === 'running') {
        <p>
          <progress [value]="run.state()?.progress ?? 0"></progress> {{ run.state()?.message }}
          <button id="stop" (click)="stop()">Stop</button>
        </p>
      }
      <pre id="file">{{ run.text() }}</pre>
    </figure>
  `,
})
export class ExportedFile {
  protected readonly current = signal('');
  @Input({ required: true }) author!: string;

  protected readonly run = injectRun(() => `boards.${board}.exports.${this.current()}` as const);

  @Input({ required: true }) set id(id: string) {
    this.current.set(id);
  }

  protected async stop(): Promise<void> {
    await request('DELETE', `exports/${this.current()}`);
  }
}
