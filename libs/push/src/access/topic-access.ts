import type { ModulesContainer } from '@nestjs/core';
import { HttpException, type OnModuleInit } from '@nestjs/common';
import type { ErrorReporter } from '../bus/error-reporter.js';
import { PushError } from '../contracts/errors.js';
import type { Principal } from '../contracts/principal.js';
import { covers, isTopic } from '../contracts/topic.js';
import { declaredPolicies, type DeclaredPolicy } from './application-classes.js';
import { decide } from './deadline.js';
import type { TransportName } from '../contracts/connection.js';
import type { TopicParams } from './topic-policy.js';

/**
 * Who may subscribe to a topic by asking for it: `public` means everyone, `authenticated` everyone whom the
 * authenticator knows. Nobody may ask for a topic without a rule or a policy.
 */
export type Access = 'public' | 'authenticated';

/** Opens the topics that match `pattern`. */
export interface AccessRule {
  readonly pattern: string;
  readonly access?: Access;
}

/** Who asks for topics. */
export interface Asking {
  readonly principal: Principal | undefined;
  readonly transport: TransportName;
  readonly address: string;
  /** Patterns that a ticket is good for; outside of them nothing is granted. Default: all. */
  readonly within?: readonly string[];
}

/** How many policies of one client are asked at a time. */
const concurrency = 8;

/** Decides what clients get of what they ask for. Deny is the default; rules and policies only ever grant. */
export class TopicAccess implements OnModuleInit {
  private policies: readonly DeclaredPolicy[] = [];

  /** @param decisionTimeout milliseconds that a policy may take */
  constructor(
    private readonly rules: readonly AccessRule[],
    private readonly modules: ModulesContainer,
    private readonly decisionTimeout: number,
    private readonly errors: ErrorReporter,
  ) {}

  onModuleInit(): void {
    this.policies = declaredPolicies(this.modules);
  }

  /** Whether anything can be granted to nobody but a principal. */
  get needsPrincipals(): boolean {
    return this.policies.length > 0 || this.rules.some(({ access }) => access === 'authenticated');
  }

  /**
   * Those of `patterns` that `asking` may not have. A pattern is granted only if one rule or policy covers all that it can
   * match.
   */
  async denied(asking: Asking, patterns: readonly string[]): Promise<string[]> {
    const denied: string[] = [];
    const open = patterns.filter((pattern) => !this.isRuled(asking, pattern));
    const work = async () => {
      for (let pattern = open.pop(); pattern !== undefined; pattern = open.pop()) {
        if (!(await this.isGranted(asking, pattern))) denied.push(pattern);
      }
    };
    await Promise.all(Array.from({ length: Math.min(concurrency, open.length) }, work));
    return patterns.filter((pattern) => denied.includes(pattern));
  }

  /** @throws PushError `FORBIDDEN`, with the same words whether a topic exists or not */
  async assertMaySubscribe(asking: Asking, patterns: readonly string[]): Promise<void> {
    const denied = await this.denied(asking, patterns);
    if (denied.length === 0) return;
    throw new PushError('FORBIDDEN', `Not allowed to subscribe to ${denied.join(', ')}.`);
  }

  /**
   * The data to publish: what the policy that grants it made of `data`.
   *
   * @param validate makes an instance of a policy's payload class; throws when it is not valid
   * @throws PushError `FORBIDDEN`, and what `validate` throws
   */
  async assertMayPublish(
    asking: Asking,
    topic: string,
    validate: (policy: DeclaredPolicy) => Promise<unknown>,
  ): Promise<unknown> {
    const { principal } = asking;
    if (principal && isTopic(topic) && isWithin(asking, topic)) {
      for (const declared of this.policies) {
        const params = declared.policy.canPublish && declared.match(topic);
        if (!params) continue;
        const data = await validate(declared);
        const isGranted = await this.ask(asking, topic, (context) =>
          declared.policy.canPublish!(principal, params, { ...context, data }),
        );
        if (isGranted) return data;
      }
    }
    throw new PushError('FORBIDDEN', `Not allowed to publish to ${topic}.`);
  }

  private isRuled(asking: Asking, pattern: string): boolean {
    if (!isWithin(asking, pattern)) return false;
    return this.rules.some(
      ({ access, pattern: wide }) =>
        (access === 'public' || (access === 'authenticated' && asking.principal !== undefined)) &&
        covers(wide, pattern),
    );
  }

  private async isGranted(asking: Asking, pattern: string): Promise<boolean> {
    const { principal } = asking;
    if (!principal || !isWithin(asking, pattern)) return false;
    for (const { policy, match } of this.policies) {
      const params: TopicParams | undefined = policy.canSubscribe && match(pattern);
      if (!params) continue;
      if (await this.ask(asking, pattern, (context) => policy.canSubscribe!(principal, params, context)))
        return true;
    }
    return false;
  }

  /**
   * A policy that throws denies, and the client cannot tell: a `findOrFail` would show it which topics exist.
   *
   * @throws PushError `UNAVAILABLE` if it takes too long, or says so itself
   */
  private async ask(
    { transport, address }: Asking,
    topic: string,
    run: (context: {
      topic: string;
      transport: TransportName;
      address: string;
      signal: AbortSignal;
    }) => boolean | Promise<boolean>,
  ): Promise<boolean> {
    try {
      const answer = await decide(this.decisionTimeout, (signal) =>
        run({ topic, transport, address, signal: signal() }),
      );
      return answer === true;
    } catch (error) {
      if (!(error instanceof HttpException && error.getStatus() < 500))
        this.errors.report(error, { stage: 'policy' });
      if (error instanceof PushError && error.code === 'UNAVAILABLE') throw error;
      return false;
    }
  }
}

function isWithin({ within }: Asking, pattern: string): boolean {
  return within === undefined || within.some((wide) => covers(wide, pattern));
}
