import { HttpException, Inject, Injectable, Logger, type OnModuleInit, type Type } from '@nestjs/common';
import { ErrorReporter } from '../bus/error-reporter.js';
import { PushError } from '../contracts/errors.js';
import type { Principal } from '../contracts/principal.js';
import { pushSettings } from '../contracts/settings.js';
import { covers, isReserved, isTopic } from '../contracts/topic.js';
import { AccessRules, type AccessRule } from './access-rules.js';
import { ApplicationClasses, type DeclaredPolicy } from './application-classes.js';
import type { Authenticator } from './authenticator.js';
import { decide } from './deadline.js';
import type { TransportName, WorkBudget } from '../contracts/connection.js';
import { Pace } from './pace.js';
import type { TopicContext, TopicParams } from './topic-policy.js';
import { policyWork, workOfMatching } from './work.js';

/** Who asks for topics. */
export interface Asking {
  readonly principal: Principal | undefined;
  readonly transport: TransportName;
  readonly address: string;
  /** Patterns that a ticket is good for; outside of them nothing is granted. Default: all. */
  readonly within?: readonly string[];
  /** What the decision is charged to. */
  readonly budget?: WorkBudget;
}

/** How many policies of one client are asked at a time. */
const concurrency = 8;

/** What a client may not have. */
export interface Examination {
  readonly denied: readonly string[];
  /** Somebody was asked who did not answer in time. */
  readonly undecided: readonly string[];
}

/** What was found out about a pattern. What could not be decided is denied, and may be asked again. */
type Verdict = 'granted' | 'denied' | 'undecided';

/** A policy that lets a client publish, and what it is told. */
export interface PublishGrant {
  readonly declared: DeclaredPolicy;
  readonly principal: Principal;
  readonly params: TopicParams;
}

/** The settings that say who may read what. */
interface RightsSettings {
  readonly topics: readonly AccessRule[];
  readonly authenticate?: Type<Authenticator>;
  readonly limits: { readonly decisionTimeout: number };
}

/** Decides what clients get of what they ask for. Deny is the default; policies only add to what the rules grant. */
@Injectable()
export class TopicAccess implements OnModuleInit {
  private readonly rules: AccessRules;
  private policies: readonly DeclaredPolicy[] = [];

  /** @throws PushError `INVALID_OPTION` for a rule that makes no sense */
  constructor(
    @Inject(pushSettings) private readonly settings: RightsSettings,
    @Inject(ApplicationClasses) private readonly classes: ApplicationClasses,
    @Inject(ErrorReporter) private readonly errors: ErrorReporter,
  ) {
    this.rules = new AccessRules(settings.topics);
  }

  onModuleInit(): void {
    this.policies = this.classes.policies();
    const needsPrincipals = this.policies.length > 0 || this.rules.needsPrincipals;
    if (this.settings.authenticate || !needsPrincipals) return;
    const hint = 'Add PushModule.forRoot({ authenticate: YourAuthenticator }).';
    new Logger('PushModule').warn(
      `Topics are for authenticated clients, but nobody authenticates them: all are denied. ${hint}`,
    );
  }

  /**
   * What `asking` may not have of `patterns`: nor of it what nobody has decided about in time. A pattern is granted only if the
   * rules, or one policy, grant all that it can match.
   *
   * @param isAllOrNothing no policy is asked any more once one of them has not answered in time
   */
  async examine(asking: Asking, patterns: readonly string[], isAllOrNothing = false): Promise<Examination> {
    const verdicts = new Map<string, Verdict>();
    const pace = new Pace(asking.budget);
    const open = await this.unruled(asking, patterns, pace);
    const work = async () => {
      for (let pattern = open.pop(); pattern !== undefined; pattern = open.pop()) {
        const others = pace.after(workOfMatching(pattern, this.policies.length));
        if (others) await others;
        const verdict = await this.verdictOn(asking, pattern);
        verdicts.set(pattern, verdict);
        if (isAllOrNothing && verdict === 'undecided') open.length = 0;
      }
    };
    await Promise.all(Array.from({ length: Math.min(concurrency, open.length) }, work));
    const those = (verdict: Verdict) => patterns.filter((pattern) => verdicts.get(pattern) === verdict);
    return { denied: those('denied'), undecided: those('undecided') };
  }

  /**
   * @throws PushError `FORBIDDEN`, with the same words whether a topic exists or not; `UNAVAILABLE` if it could not be decided
   */
  async assertMaySubscribe(asking: Asking, patterns: readonly string[]): Promise<void> {
    const { denied, undecided } = await this.examine(asking, patterns, true);
    if (denied.length > 0)
      throw new PushError('FORBIDDEN', `Not allowed to subscribe to ${denied.join(', ')}.`);
    if (undecided.length > 0) throw undecidedError();
  }

  /**
   * The policy that lets `asking` publish to `topic`.
   *
   * @throws PushError `FORBIDDEN`; `UNAVAILABLE` if it could not be decided
   */
  async assertMayPublish(asking: Asking, topic: string): Promise<PublishGrant> {
    const { principal } = asking;
    let isUndecided = false;
    if (principal && isTopic(topic) && !isReserved(topic) && isWithin(asking, topic)) {
      for (const declared of this.policies) {
        const { policy } = declared;
        const params = policy.canPublish && declared.match(topic);
        if (!params) continue;
        const verdict = await this.ask(asking, topic, (context) =>
          policy.canPublish!(principal, params, context),
        );
        if (verdict === 'granted') return { declared, principal, params };
        if (verdict === 'undecided') isUndecided = true;
      }
    }
    if (isUndecided) throw undecidedError();
    throw new PushError('FORBIDDEN', `Not allowed to publish to ${topic}.`);
  }

  /**
   * The data to publish, as the policy that grants it makes it of what the client has sent.
   *
   * @throws what the policy throws; PushError `UNAVAILABLE` if it takes too long
   */
  async transform(
    { declared, principal, params }: PublishGrant,
    asking: Asking,
    topic: string,
    data: unknown,
  ) {
    const { policy } = declared;
    if (!policy.transform) return data;
    const { transport, address } = asking;
    return decide(this.settings.limits.decisionTimeout, (signal) =>
      policy.transform!(principal, params, { topic, transport, address, signal: signal(), data }),
    );
  }

  /** Those of `patterns` that the rules do not grant. */
  private async unruled(asking: Asking, patterns: readonly string[], pace: Pace): Promise<string[]> {
    const open: string[] = [];
    const rules = this.rules.size + (asking.within?.length ?? 0);
    for (const pattern of patterns) {
      if (!isWithin(asking, pattern) || !this.rules.grant(asking.principal, pattern)) open.push(pattern);
      const others = pace.after(workOfMatching(pattern, rules));
      if (others) await others;
    }
    return open;
  }

  private async verdictOn(asking: Asking, pattern: string): Promise<Verdict> {
    const { principal } = asking;
    let verdict: Verdict = 'denied';
    if (!principal || !isWithin(asking, pattern)) return verdict;
    for (const { policy, match } of this.policies) {
      const params: TopicParams | undefined = policy.canSubscribe && match(pattern);
      if (!params) continue;
      const answer = await this.ask(asking, pattern, (context) =>
        policy.canSubscribe!(principal, params, context),
      );
      if (answer === 'granted') return answer;
      if (answer === 'undecided') verdict = answer;
    }
    return verdict;
  }

  /**
   * A policy that throws denies, and the client cannot tell: a `findOrFail` would show it which topics exist. One that takes too
   * long, or says itself that it is not available, has not decided.
   */
  private async ask(
    { transport, address, budget }: Asking,
    topic: string,
    run: (context: TopicContext) => boolean | Promise<boolean>,
  ): Promise<Verdict> {
    budget?.spend(policyWork);
    try {
      const answer = await decide(this.settings.limits.decisionTimeout, (signal) =>
        run({ topic, transport, address, signal: signal() }),
      );
      return answer === true ? 'granted' : 'denied';
    } catch (error) {
      if (!(error instanceof HttpException && error.getStatus() < 500))
        this.errors.report(error, { stage: 'policy' });
      return error instanceof PushError && error.code === 'UNAVAILABLE' ? 'undecided' : 'denied';
    }
  }
}

function undecidedError(): PushError {
  return new PushError('UNAVAILABLE', 'The server took too long to decide. Come back later.');
}

function isWithin({ within }: Asking, pattern: string): boolean {
  return within === undefined || within.some((wide) => covers(wide, pattern));
}
