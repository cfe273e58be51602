import { BadRequestException, Body, Controller, HttpCode, Post } from '@nestjs/common';
import { JwtService } from '@nestjs/jwt';

@Controller('login')
export class LoginController {
  constructor(private readonly jwt: JwtService) {}

  /** Gives a token that holds for a short time. Your application would ask for more than a name: a session cookie, for instance. */
  @Post()
  @HttpCode(200)
  async login(@Body() { name }: { name?: unknown }): Promise<{ token: string }> {
    if (typeof name !== 'string' || !/^\w{1,40}$/.test(name)) throw new BadRequestException('Who are you?');
    return { token: await this.jwt.signAsync({ sub: name }) };
  }
}
