// Templates are compiled in the browser here. The CLI of Angular compiles them when it builds an application.
import '@angular/compiler';
import { provideZonelessChangeDetection } from '@angular/core';
import { bootstrapApplication } from '@angular/platform-browser';
import { providePush } from 'nestjs-push-client/angular';
import '../page/style.css';
import { push } from '../page/session.js';
import { App } from './app.js';

await bootstrapApplication(App, { providers: [provideZonelessChangeDetection(), providePush(push)] });
