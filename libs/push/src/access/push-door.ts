const doors = new WeakSet<object>();

/** Notes that a controller or gateway is one of push's own doors. */
export function declareDoor(type: object): void {
  doors.add(type);
}

/** Whether a controller or gateway is one of push's own doors. */
export function isPushDoor(type: object): boolean {
  return doors.has(type);
}
