/*
 * The official SDK and instrumentation of HTTP, set up before the application: node --import ./test/support/traced-setup.mjs.
 * Each span that ends is a line "span <json>" on standard output, and what the SDK has to complain about a line "diag <text>".
 */
import { diag, DiagLogLevel } from '@opentelemetry/api';
import { HttpInstrumentation } from '@opentelemetry/instrumentation-http';
import { registerInstrumentations } from '@opentelemetry/instrumentation';
import { NodeTracerProvider } from '@opentelemetry/sdk-trace-node';

const say = (word, text) => process.stdout.write(`${word} ${text}\n`);
const complain = (...args) => say('diag', args.join(' '));
diag.setLogger(
  { error: complain, warn: complain, info: () => {}, debug: () => {}, verbose: () => {} },
  DiagLogLevel.WARN,
);

const processor = {
  onStart: () => {},
  onEnd: (span) => {
    const { name, kind, parentSpanContext, links, attributes } = span;
    const { traceId, spanId } = span.spanContext();
    const parent = parentSpanContext?.spanId;
    const ids = links.map((link) => link.context.spanId);
    say('span', JSON.stringify({ name, kind, traceId, spanId, parent, links: ids, attributes }));
  },
  forceFlush: async () => {},
  shutdown: async () => {},
};
new NodeTracerProvider({ spanProcessors: [processor] }).register();
registerInstrumentations({ instrumentations: [new HttpInstrumentation()] });
