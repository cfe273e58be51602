/** Fails with what `late` says if `work` takes longer. */
export async function within<T>(
  milliseconds: number,
  work: Promise<T>,
  late: () => string | Promise<string>,
): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<never>((_, reject) => {
    const fail = async () => reject(new Error(await late()));
    timer = setTimeout(() => void fail(), milliseconds);
  });
  try {
    return await Promise.race([work, timeout]);
  } finally {
    clearTimeout(timer);
  }
}
