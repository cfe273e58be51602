import { assert, constantFrom, oneof, property, record, string } from 'fast-check';
import { PushError } from '../contracts/errors.js';
import { CheckedResource, type Resource } from './resource.js';

const linkOf = (resource: string | Resource) => new CheckedResource(resource).link;

describe('the link of a resource, byte for byte', () => {
  it.each<[string | Resource, string]>([
    ['/style.css', '</style.css>; rel=preload; as=style'],
    ['/app.js?v=3', '</app.js?v=3>; rel=preload; as=script'],
    ['/logo.SVG', '</logo.SVG>; rel=preload; as=image'],
    ['/inter.woff2', '</inter.woff2>; rel=preload; as=font; crossorigin=anonymous'],
    ['/api/orders', '</api/orders>; rel=preload; as=fetch; crossorigin=anonymous'],
    [{ path: '/app.mjs', rel: 'modulepreload' }, '</app.mjs>; rel=modulepreload'],
    [
      { path: '/me', as: 'fetch', crossOrigin: 'use-credentials' },
      '</me>; rel=preload; as=fetch; crossorigin=use-credentials',
    ],
    [
      { path: '/wide.css', media: '(min-width: 60em)', type: 'text/css', fetchPriority: 'low' },
      '</wide.css>; rel=preload; as=style; type="text/css"; fetchpriority=low; media="(min-width: 60em)"',
    ],
    [
      { path: '/a.js', integrity: 'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=' },
      '</a.js>; rel=preload; as=script; integrity="sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="',
    ],
  ])('%j', (resource, link) => {
    expect(linkOf(resource)).toBe(link);
  });
});

describe('what is no resource', () => {
  it.each<[string, Resource]>([
    ['another authority', { path: 'https://cdn.example/a.css' }],
    ['another authority without a scheme', { path: '//cdn.example/a.css' }],
    ['a backslash, which browsers read as "/"', { path: '/\\cdn.example/a.css' }],
    ['a relative path', { path: 'a.css' }],
    ['nothing', { path: '' }],
    ['a fragment', { path: '/a.svg#icon' }],
    ['a space', { path: '/a b.css' }],
    ['a line break', { path: '/a.css\r\nset-cookie: a=b' }],
    ['the end of the target', { path: '/a.css>; rel=preload, </b.css' }],
    ['a character beyond ASCII', { path: '/größe.css' }],
    ['a path without end', { path: `/${'a'.repeat(2_048)}` }],
    ['a quote in an attribute', { path: '/a.css', media: 'all"; rel="stylesheet' }],
    ['a line break in an attribute', { path: '/a.css', type: 'text/css\n' }],
    ['an empty attribute', { path: '/a.css', integrity: '' }],
    ['a destination that does not exist', { path: '/a.css', as: 'styles' as 'style' }],
    ['a relation that is no preload', { path: '/a.css', rel: 'stylesheet' as 'preload' }],
    ['a range without a file', { path: '/a.mp4', range: { start: 0, end: 9 } }],
    ['a range backwards', { path: '/a.mp4', file: 'a.mp4', range: { start: 9, end: 0 } }],
    [
      'a range beyond what Node can count',
      { path: '/a.mp4', file: 'a.mp4', range: { start: 0, end: 2 ** 31 } },
    ],
    ['a file without a name', { path: '/a.mp4', file: '' }],
  ])('%s', (_, resource) => {
    expect(() => linkOf(resource)).toThrow(PushError);
  });

  it('is quoted in the message so that it forges no line of a log', () => {
    expect(() => linkOf('/a\r\nERROR all is lost')).toThrow('"/a\\r\\nERROR all is lost" is not a path');
  });
});

describe('whatever the parts of a resource are', () => {
  const whole = /^<\/(?!\/)[!#-;=?-[\]-~]*>(?:; [a-z]+=(?:[!#$%&'*+.^_`|~0-9A-Za-z-]+|"[ !#-;=?-[\]-~]+"))+$/;

  const isSafe = (resource: Resource): boolean => {
    try {
      const { link, path } = new CheckedResource(resource);
      return whole.test(link) && link.startsWith(`<${path}>; rel=preload; as=`);
    } catch (error) {
      return error instanceof PushError;
    }
  };

  it('its link is one link-value with that target, or it is refused', () => {
    // Mostly characters that mean something in a header, so that many of the strings come close.
    const unit = oneof(
      constantFrom(...'/<>;,"\\=\r\n\t\0 %?#\u007fé'),
      constantFrom(...'abcstyle.-_'),
      string({ minLength: 1, maxLength: 1, unit: 'binary' }),
    );
    const text = string({ unit, maxLength: 20 });
    const path = oneof(
      text,
      text.map((rest) => `/${rest}`),
    );
    const resources = record({ path, type: text, media: text, integrity: text }, { requiredKeys: ['path'] });
    expect(() => assert(property(resources, isSafe), { numRuns: 5_000 })).not.toThrow();
  });
});
