const doors = new WeakSet<object>();

/** Marks a controller or gateway as push's own. */
export function declareDoor(type: object): void {
  doors.add(type);
}

/** Whether a controller or gateway is push's own. */
export function isPushDoor(type: object): boolean {
  return doors.has(type);
}
