import {
  Logger,
  Module,
  type CanActivate,
  type DynamicModule,
  type ModuleMetadata,
  type Type,
} from '@nestjs/common';
import { PushError } from '../../contracts/errors.js';
import { DashboardNode } from './dashboard-node.js';
import { DashboardRequests } from './dashboard-requests.js';
import { dashboardControllerAt, isGuard } from './dashboard.controller.js';

/** Options of {@link PushDashboardModule}. */
export interface PushDashboardOptions {
  /** Where the page is, below the application's global prefix. Default: `/push/dashboard`. */
  readonly path?: string;
  /**
   * Who may see the dashboard, and publish from it: a guard of yours, which stands before all of its routes. Without one, the
   * application does not start if `NODE_ENV` is `production` (`INVALID_OPTION`); else everybody may.
   */
  readonly guard?: Type<CanActivate> | CanActivate;
  /** Modules whose providers the guard needs. Default: none. */
  readonly imports?: ModuleMetadata['imports'];
}

/** Fails where everybody could see the dashboard. */
const guarded = Symbol('GuardedDashboard');

/**
 * A page that shows what the nodes of the application do: `imports: [PushModule.forRoot(), PushDashboardModule.forRoot({ guard })]`.
 * Import it on all nodes: each answers for itself, whichever one has the page.
 */
@Module({})
export class PushDashboardModule {
  static forRoot({ path = '/push/dashboard', guard, imports }: PushDashboardOptions = {}): DynamicModule {
    return {
      module: PushDashboardModule,
      imports,
      controllers: [dashboardControllerAt(path, guard)],
      providers: [
        { provide: guarded, useFactory: () => assertGuarded(path, guard) },
        DashboardNode,
        DashboardRequests,
      ],
    };
  }
}

/** Checked when the application starts: only then has its configuration set the environment. */
function assertGuarded(path: string, guard: PushDashboardOptions['guard']): boolean {
  if (isGuard(guard)) return true;
  if (guard !== undefined && guard !== null)
    throw new PushError('INVALID_OPTION', 'guard is a class with canActivate(), or an object that has it.');
  const advice = 'Say who may: PushDashboardModule.forRoot({ guard: YourGuard }).';
  if (process.env['NODE_ENV'] === 'production')
    throw new PushError(
      'INVALID_OPTION',
      `The dashboard would show everybody what the clients of this application do. ${advice}`,
    );
  new Logger('PushModule').warn(
    `Everybody may open the dashboard at ${path}, and publish from it. ${advice}`,
  );
  return false;
}
