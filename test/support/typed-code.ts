import { problemsOf, type Compilation } from './compiled.js';

/* Code of applications that is compiled, and not run. */

/** A name, and code that compiles. */
export type Right = readonly [string, string];

/** A name, code that does not compile, and what the compiler says of it. */
export type Wrong = readonly [string, string, string];

/** What each case begins with. */
export const imports = `
import type { Principal, AcceptContext, DatedSnapshot, GapNotice, OnPushEvent, PublishContext, SnapshotContext, TopicPolicy } from 'nestjs-push';
import { EventBus, OnPush, PushModule, PushSnapshot, PushSse, PushTopic, Runs, snapshotAt, topic } from 'nestjs-push';
import { PushOutbox } from 'nestjs-push/outbox';
import { connect } from 'nestjs-push-client';
import { connectWith } from 'nestjs-push-client/core';
import { historyOf } from 'nestjs-push-client/history';
import { presenceOf } from 'nestjs-push-client/presence';
import { runOf } from 'nestjs-push-client/run';
import { snapshotOf } from 'nestjs-push-client/snapshot';
import { stateOf } from 'nestjs-push-client/state';
import { IsIn, IsString } from 'class-validator';
import { type } from 'arktype';
import * as v from 'valibot';
import { z } from 'zod';
import type { PushTopics } from 'nestjs-push';
declare const bus: EventBus;
declare const runs: Runs;
declare const outbox: PushOutbox;
declare const id: string;
const push = connect<PushTopics>('/push');
`;

/** A class with one method, as TypeScript. */
export const handler = (decorator: string, method: string, rest = '') =>
  `class Handlers { @OnPush(${decorator}) ${method} ${rest} }\nexport { Handlers };`;

/** A class that loads the state of topics, as TypeScript. */
export const snapshot = (pattern: string, method: string) =>
  `class Loaders { @PushSnapshot('${pattern}') ${method} }\nexport { Loaders };`;

/** A policy, as TypeScript. */
export const policy = (decorator: string, members: string) =>
  `@PushTopic(${decorator}) class Policy { ${members} }\nexport { Policy };`;

/** Expects of each case what it says. */
export function expectCases(
  compilation: Compilation,
  right: readonly Right[],
  wrong: readonly Wrong[],
): void {
  let problems: string[][] = [];
  beforeAll(async () => {
    problems = await problemsOf(
      compilation,
      [...right, ...wrong].map(([, code]) => code),
    );
  }, 120_000);

  it.each(right.map(([title], index) => [title, index] as const))('let through %s', (_, index) => {
    expect(problems[index]).toEqual([]);
  });

  it.each(wrong.map(([title, , problem], index) => [title, problem, right.length + index] as const))(
    'do not compile with %s',
    (_, problem, index) => {
      expect(problems[index]!.join('\n')).toContain(problem);
      expect(problems[index]).toHaveLength(1);
    },
  );
}
