/* nestjs-push/dashboard: a page that shows what the nodes of an application do. docs/dashboard.md describes it. */
export { PushDashboardModule, type PushDashboardOptions } from './push-dashboard.module.js';
