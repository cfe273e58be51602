import { CheckedResource, type Resource, type ResourceDeclaration, type ResourceSource } from './resource.js';

/** A declaration after start: its constant parts are checked. What a function returns is checked when it is called. */
export type CheckedDeclaration = CheckedResource | ResourceSource<never>;

/** @throws PushError `INVALID_OPTION` for a path or an attribute that cannot be put in a header */
export function checkDeclarations<Request>(
  declarations: readonly ResourceDeclaration<Request>[],
): CheckedDeclaration[] {
  return declarations.map((declaration) =>
    typeof declaration === 'function' ? declaration : new CheckedResource(declaration),
  );
}

/**
 * The resources of one request, each path once.
 *
 * @param onInvalid is told of errors of a function, and of results that are not valid; the other resources are kept
 */
export function resourcesOf(
  declarations: readonly CheckedDeclaration[],
  request: unknown,
  onInvalid: (error: unknown) => void,
): CheckedResource[] {
  const byPath = new Map<string, CheckedResource>();
  for (const declaration of declarations) {
    const resources =
      typeof declaration === 'function' ? answerOf(declaration, request, onInvalid) : [declaration];
    for (const resource of resources) if (!byPath.has(resource.path)) byPath.set(resource.path, resource);
  }
  return [...byPath.values()];
}

function answerOf(
  source: ResourceSource<never>,
  request: unknown,
  onInvalid: (error: unknown) => void,
): CheckedResource[] {
  const checked: CheckedResource[] = [];
  try {
    for (const resource of [source(request as never) ?? []].flat())
      try {
        checked.push(check(resource));
      } catch (error) {
        onInvalid(error);
      }
  } catch (error) {
    onInvalid(error);
  }
  return checked;
}

const checkedBefore = new WeakMap<Resource, CheckedResource>();

/** Functions mostly return the same few objects: each is checked once. */
function check(resource: string | Resource): CheckedResource {
  if (typeof resource === 'string') return new CheckedResource(resource);
  const known = checkedBefore.get(resource);
  if (known) return known;
  const checked = new CheckedResource(resource);
  checkedBefore.set(resource, checked);
  return checked;
}
