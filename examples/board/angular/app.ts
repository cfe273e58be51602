import { Component, signal } from '@angular/core';
import { injectPushStatus } from 'nestjs-push-client/angular';
import { user } from '../page/session.js';
import { Board } from './board.js';

@Component({
  selector: 'board-app',
  imports: [Board],
  template: `
    <header>
      <h1>A board in Angular</h1>
      <p>
        {{ user }}, <output id="status">{{ status() }}</output>
      </p>
      <button id="toggle" (click)="isOpen.set(!isOpen())">{{ isOpen() ? 'Leave' : 'Enter' }}</button>
    </header>
    @if (isOpen()) {
      <board-page />
    }
  `,
})
export class App {
  protected readonly user = user;
  protected readonly status = injectPushStatus().status;
  protected readonly isOpen = signal(true);
}
