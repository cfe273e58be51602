/* nestjs-push/terminus: the health of push for `@nestjs/terminus`. docs/deploying.md has the recipe for Kubernetes. */
export { PushHealthIndicator } from './push-health.indicator.js';
