import { HttpException, Inject, Injectable, Logger, type OnModuleInit, type Type } from '@nestjs/common';
import { ofApplication } from '../bus/debug-log.js';
import { ErrorReporter } from '../bus/error-reporter.js';
import { PushError } from '../contracts/errors.js';
import type { PayloadSchema } from '../contracts/payload-schema.js';
import type { Principal } from '../contracts/principal.js';
import { pushSettings } from '../contracts/settings.js';
import { schemasOf, type DeclaredSchemas } from '../contracts/topic-schemas.js';
import { covers, isReserved, isTopic, overlaps } from '../contracts/topic.js';
import { AccessRules, withoutParameters, type AccessRule } from './access-rules.js';
import { ApplicationClasses, type DeclaredPolicy } from './application-classes.js';
import type { Authenticator } from './authenticator.js';
import { decide, undecidedError } from './deadline.js';
import type { TransportName, WorkBudget } from '../contracts/connection.js';
import { Pace } from './pace.js';
import { ReservedRights } from './reserved-rights.js';
import type { AcceptContext, TopicContext, TopicParams } from './topic-policy.js';
import { policyWork, workOfMatching } from './work.js';

/** The client that an access decision is about. */
export interface AccessSubject {
  readonly principal: Principal | undefined;
  readonly transport: TransportName;
  readonly address: string;
  /** Patterns that a ticket limits it to: nothing else is granted. Default: no limit. */
  readonly scope?: readonly string[];
  /** The budget that the decision is charged to. */
  readonly budget?: WorkBudget;
}

/** How many policies are called at a time for one client. */
const concurrency = 8;

/** The patterns that a client may not read. */
export interface Examination {
  readonly denied: readonly string[];
  /** A policy did not answer in time. */
  readonly undecided: readonly string[];
}

/** The decision on a pattern. An undecided pattern is denied; the client may try again. */
type Verdict = 'granted' | 'denied' | 'undecided';

/** A policy that allows a client to publish, and its arguments. */
export interface PublishGrant {
  readonly declared: DeclaredPolicy;
  readonly principal: Principal;
  readonly params: TopicParams;
}

/** The settings of access decisions. */
interface RightsSettings {
  readonly schemas: readonly DeclaredSchemas[];
  readonly topics: readonly (AccessRule & { readonly presence?: unknown; readonly finite?: boolean })[];
  readonly authenticate?: Type<Authenticator>;
  readonly limits: { readonly decisionTimeout: number };
}

/** Decides which topics clients may read and publish. The default is to deny; policies only add to what the rules grant. */
@Injectable()
export class TopicAccess implements OnModuleInit {
  private readonly rules: AccessRules;
  private readonly reserved: ReservedRights;
  private policies: readonly DeclaredPolicy[] = [];

  /** @throws PushError `INVALID_OPTION` for a rule that makes no sense */
  constructor(
    @Inject(pushSettings) private readonly settings: RightsSettings,
    @Inject(ApplicationClasses) private readonly classes: ApplicationClasses,
    @Inject(ErrorReporter) private readonly errors: ErrorReporter,
  ) {
    this.rules = new AccessRules(settings.topics);
    this.reserved = new ReservedRights(withoutParameters(settings.topics));
  }

  onModuleInit(): void {
    this.policies = this.classes.policies();
    this.classes.checkSchemas(this.settings.schemas);
    const needsPrincipals = this.policies.length > 0 || this.rules.needsPrincipals;
    if (this.settings.authenticate || !needsPrincipals) return;
    const hint = 'Add PushModule.forRoot({ authenticate: YourAuthenticator }).';
    new Logger('PushModule').warn(
      `Topics are for authenticated clients, but nobody authenticates them: all are denied. ${hint}`,
    );
  }

  /**
   * Returns those of `patterns` that `subject` may not read. A pattern is granted only if the rules, or one policy, grant every
   * topic that it can match. A pattern of presence, or of runs, is granted if the topics are that it is about.
   *
   * @param isAllOrNothing stops calling policies once one of them has not answered in time
   */
  async examine(
    subject: AccessSubject,
    patterns: readonly string[],
    isAllOrNothing = false,
  ): Promise<Examination> {
    const topics = new Map(patterns.map((pattern) => [pattern, this.reserved.topicsOf(pattern)]));
    const asked = new Set(patterns.flatMap((pattern) => topics.get(pattern) ?? [pattern]));
    const { denied, undecided } = await this.examineTopics(subject, [...asked], isAllOrNothing);
    if ([...topics.values()].every((about) => about === undefined)) return { denied, undecided };
    const verdicts = await Promise.all(
      patterns.map((pattern): Verdict | Promise<Verdict> => {
        const about = topics.get(pattern) ?? [pattern];
        if (about.length === 0 || about.some((topic) => denied.includes(topic))) return 'denied';
        if (about.some((topic) => undecided.includes(topic))) return 'undecided';
        return topics.get(pattern) ? this.reservedVerdict(subject, pattern, about) : 'granted';
      }),
    );
    const those = (verdict: Verdict) => patterns.filter((_, index) => verdicts[index] === verdict);
    return { denied: those('denied'), undecided: those('undecided') };
  }

  /** What validates what clients say of themselves in `topic`, by a policy or the module's schemas. */
  presenceSchemaOf(topic: string): PayloadSchema | undefined {
    const declared = this.policies.find(({ presence, match }) => presence && match(topic));
    return declared?.presence ?? schemasOf(this.settings.schemas, topic)?.presence;
  }

  /** Whether clients may be allowed to publish to a topic that the pattern matches. */
  isPublishable(pattern: string): boolean {
    return this.policies.some(({ policy, pattern: own }) => policy.canPublish && overlaps(own, pattern));
  }

  private async examineTopics(
    subject: AccessSubject,
    patterns: readonly string[],
    isAllOrNothing: boolean,
  ): Promise<Examination> {
    const verdicts = new Map<string, Verdict>();
    const pace = new Pace(subject.budget);
    const open = await this.unruled(subject, patterns, pace);
    const work = async () => {
      for (let pattern = open.pop(); pattern !== undefined; pattern = open.pop()) {
        const others = pace.after(workOfMatching(pattern, this.policies.length));
        if (others) await others;
        const verdict = await this.verdictOn(subject, pattern);
        verdicts.set(pattern, verdict);
        if (isAllOrNothing && verdict === 'undecided') open.length = 0;
      }
    };
    await Promise.all(Array.from({ length: Math.min(concurrency, open.length) }, work));
    const those = (verdict: Verdict) => patterns.filter((pattern) => verdicts.get(pattern) === verdict);
    return { denied: those('denied'), undecided: those('undecided') };
  }

  /**
   * @throws PushError `FORBIDDEN`, with the same message whether a topic exists or not; `UNAVAILABLE` if a policy did not answer
   */
  async assertMaySubscribe(subject: AccessSubject, patterns: readonly string[]): Promise<void> {
    const { denied, undecided } = await this.examine(subject, patterns, true);
    if (denied.length > 0)
      throw new PushError('FORBIDDEN', `Not allowed to subscribe to ${denied.join(', ')}.`);
    if (undecided.length > 0) throw undecidedError();
  }

  /**
   * Returns the policy that allows `subject` to publish to `topic`, or to remove its state.
   *
   * @throws PushError `FORBIDDEN`; `UNAVAILABLE` if a policy did not answer
   */
  async assertMayPublish(
    subject: AccessSubject,
    topic: string,
    right: 'canPublish' | 'canRemove' = 'canPublish',
  ): Promise<PublishGrant> {
    const { principal } = subject;
    let isUndecided = false;
    if (principal && isTopic(topic) && !isReserved(topic) && isInScope(subject, topic)) {
      for (const declared of this.policies) {
        const { policy } = declared;
        const params = policy[right] && declared.match(topic);
        if (!params) continue;
        const verdict = await this.ask(subject, topic, (context) =>
          policy[right]!(principal, params, context),
        );
        if (verdict === 'granted') return { declared, principal, params };
        if (verdict === 'undecided') isUndecided = true;
      }
    }
    if (isUndecided) throw undecidedError();
    const who = principal ? '' : ' Only users publish, and this client is anonymous: see `authenticate`.';
    const what = right === 'canRemove' ? 'remove' : 'publish to';
    throw new PushError('FORBIDDEN', `Not allowed to ${what} ${topic}.${who}`);
  }

  /**
   * Returns the data to publish: what the policy makes of what the client has sent.
   *
   * @throws what the policy throws; PushError `UNAVAILABLE` if it takes too long
   */
  async transform(
    { declared, principal, params }: PublishGrant,
    subject: AccessSubject,
    topic: string,
    data: unknown,
  ) {
    const { policy } = declared;
    if (!policy.transform) return data;
    return this.inTime(subject, topic, (context) =>
      policy.transform!(principal, params, { ...context, data }),
    );
  }

  /** Resolves when the policy lets the client know that its event is stored. @throws as `transform` */
  async accept(
    { declared, principal, params }: PublishGrant,
    subject: AccessSubject,
    topic: string,
    published: Pick<AcceptContext, 'data' | 'id'>,
  ): Promise<void> {
    const { policy } = declared;
    if (!policy.accept) return;
    await this.inTime(subject, topic, (context) =>
      policy.accept!(principal, params, { ...context, ...published }),
    );
  }

  /** Calls a method of the application. @throws what it throws; PushError `UNAVAILABLE` if it takes too long */
  private inTime<T>(
    { transport, address }: AccessSubject,
    topic: string,
    call: (context: TopicContext) => T | Promise<T>,
  ): Promise<T> {
    return decide(this.settings.limits.decisionTimeout, (signal) =>
      ofApplication(() => call({ topic, transport, address, signal: signal() })),
    );
  }

  /** Whether `subject` may read a reserved pattern about topics that it may read. */
  private async reservedVerdict(
    subject: AccessSubject,
    pattern: string,
    topics: readonly string[],
  ): Promise<Verdict> {
    for (const topic of topics) {
      const questions = this.reserved.questions(pattern, topic, subject.principal, this.policies);
      if (!questions) return 'denied';
      for (const question of questions) {
        const verdict = await this.ask(subject, topic, question);
        if (verdict !== 'granted') return verdict;
      }
    }
    return 'granted';
  }

  /** Those of `patterns` that the rules do not grant. */
  private async unruled(subject: AccessSubject, patterns: readonly string[], pace: Pace): Promise<string[]> {
    const open: string[] = [];
    const rules = this.rules.size + (subject.scope?.length ?? 0);
    for (const pattern of patterns) {
      if (!isInScope(subject, pattern) || !this.rules.grant(subject.principal, pattern)) open.push(pattern);
      const others = pace.after(workOfMatching(pattern, rules));
      if (others) await others;
    }
    return open;
  }

  private async verdictOn(subject: AccessSubject, pattern: string): Promise<Verdict> {
    const { principal } = subject;
    let verdict: Verdict = 'denied';
    if (!principal || !isInScope(subject, pattern)) return verdict;
    for (const { policy, match } of this.policies) {
      const params: TopicParams | undefined = policy.canSubscribe && match(pattern);
      if (!params) continue;
      const answer = await this.ask(subject, pattern, (context) =>
        policy.canSubscribe!(principal, params, context),
      );
      if (answer === 'granted') return answer;
      if (answer === 'undecided') verdict = answer;
    }
    return verdict;
  }

  /**
   * A policy that throws denies. The client gets the same answer as for `false`, since a `findOrFail` would otherwise show which
   * topics exist. A policy that takes too long, or throws `UNAVAILABLE`, has not decided.
   */
  private async ask(
    { transport, address, budget }: AccessSubject,
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

function isInScope({ scope }: AccessSubject, pattern: string): boolean {
  return scope === undefined || scope.some((wide) => covers(wide, pattern));
}
