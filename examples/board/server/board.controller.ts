import { Controller, Delete, HttpCode, Param, Post, UseGuards } from '@nestjs/common';
import { EventBus, Runs, topic } from 'nestjs-push';
import { randomUUID } from 'node:crypto';
import { Exporter } from './exporter.js';
import { UserGuard, UserName } from './user.guard.js';

/** What pages ask for by HTTP. Notes and messages they publish themselves: see the policies. */
@Controller('boards/:board')
@UseGuards(UserGuard)
export class BoardController {
  constructor(
    private readonly events: EventBus,
    private readonly runs: Runs,
    private readonly exporter: Exporter,
  ) {}

  /** A client can publish, and only the application can remove. */
  @Delete('notes/:note')
  @HttpCode(204)
  async remove(@Param('board') board: string, @Param('note') note: string): Promise<void> {
    await this.events.remove(topic`boards.${board}.notes.${note}`);
  }

  /** Starts an export that goes on whoever leaves, and has all pages show it. */
  @Post('exports')
  async export(@Param('board') board: string, @UserName() author: string): Promise<{ id: string }> {
    const id = randomUUID();
    await this.runs.start(topic<'boards.*.exports.*'>`boards.${board}.exports.${id}`, (signal, context) =>
      this.exporter.write(board, signal, context),
    );
    await this.events.publish(topic<'boards.*.export'>`boards.${board}.export`, { id, author });
    return { id };
  }

  @Delete('exports/:id')
  @HttpCode(204)
  async stop(@Param('board') board: string, @Param('id') id: string): Promise<void> {
    await this.runs.cancel(topic`boards.${board}.exports.${id}`);
  }
}
