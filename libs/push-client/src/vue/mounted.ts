import { getCurrentInstance, getCurrentScope, onMounted } from 'vue';

/**
 * Calls `open` within the current effect scope, so that what it watches stops with that: in a component after it is mounted, which
 * never happens on a server; elsewhere at once, where there is a page.
 */
export function whenMounted(open: () => void): void {
  const scope = getCurrentScope();
  const instance = getCurrentInstance();
  const run = () => {
    if (!scope) open();
    // A scope of its own may be over before the component that it was made in is mounted.
    else if (scope.active) scope.run(open);
  };
  if (instance && !instance.isMounted) onMounted(run);
  else if (typeof document === 'object') run();
}

/** Whether what is shown first has to be what a server renders: on that server, and where the component takes it over. */
export function isServerRendered(): boolean {
  // Vue itself asks for the element: it is there before `setup` only if the server has rendered it.
  return typeof document !== 'object' || Boolean(getCurrentInstance()?.vnode.el);
}
