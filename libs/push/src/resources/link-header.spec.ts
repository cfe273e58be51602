import { mergeLinks } from './link-header.js';
import { CheckedResource } from './resource.js';

const resources = [new CheckedResource('/style.css'), new CheckedResource('/app.js')];
const style = '</style.css>; rel=preload; as=style';
const script = '</app.js>; rel=preload; as=script';

describe('mergeLinks', () => {
  it('prints what the application set none of', () => {
    expect(mergeLinks(undefined, resources)).toBe(`${style}, ${script}`);
    expect(mergeLinks('', resources)).toBe(`${style}, ${script}`);
  });

  it('keeps what the application set, first and as it is', () => {
    const own = '<https://a.example/?x=1,2>; rel="next"; title="a, <b>"';
    expect(mergeLinks(own, resources)).toBe(`${own}, ${style}, ${script}`);
    expect(mergeLinks([own, '</b>; rel=prev'], resources)).toBe(
      `${own}, </b>; rel=prev, ${style}, ${script}`,
    );
  });

  it('adds nothing that is preloaded already, however it is written', () => {
    expect(mergeLinks('</style.css>;REL="preload";as=style', resources)).toMatch(/as=style, <\/app\.js>/);
    expect(mergeLinks('</app.js>; rel=modulepreload', resources)).toBe(
      `</app.js>; rel=modulepreload, ${style}`,
    );
    expect(mergeLinks([style, '</app.js>; as=script; rel="next preload"'], resources)).toBeUndefined();
  });

  it('adds a preload beside another relation of the same target', () => {
    expect(mergeLinks('</style.css>; rel=stylesheet', resources)).toBe(
      `</style.css>; rel=stylesheet, ${style}, ${script}`,
    );
    expect(mergeLinks('</style.css>; rel=next; title="; rel=preload"', resources)).toContain(`, ${style},`);
  });

  it.each([
    '<a>' + ';"'.repeat(50_001),
    '<'.repeat(100_000),
    '<a>;'.repeat(25_000),
    '<a>; rel='.repeat(10_000),
  ])('takes no time over a header that makes no sense (%#)', (hostile) => {
    const start = performance.now();
    expect(mergeLinks(hostile, resources)).toContain(style);
    expect(performance.now() - start).toBeLessThan(5_000);
  });
});
