import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { AppModule, type BoardOptions } from './app.module.js';

/** @param page the folder of the page, as Vite has built it */
export async function createApp(page: string, options: BoardOptions = {}): Promise<NestExpressApplication> {
  const app = await NestFactory.create<NestExpressApplication>(AppModule.with(options));
  app.useStaticAssets(page);
  return app;
}
