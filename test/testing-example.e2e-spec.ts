import { Module } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { EventBus, PushModule } from 'nestjs-push';
import { connect } from 'nestjs-push-client';

@Module({ imports: [PushModule.forRoot({ topics: [{ pattern: 'news.>', access: 'public' }] })] })
class AppModule {}

it('tells readers the news', async () => {
  const testing = await Test.createTestingModule({ imports: [AppModule] }).compile();
  const app = testing.createNestApplication();
  await app.listen(0);
  const push = connect(`${await app.getUrl()}/push`);
  try {
    const received = new Promise((resolve) => push.on('news.today', resolve, { from: 'earliest' }));
    await app.get(EventBus).publish('news.today', { title: 'It works' });
    expect(await received).toEqual({ title: 'It works' });
  } finally {
    push.close();
    await app.close();
  }
});
