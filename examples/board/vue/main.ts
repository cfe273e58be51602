import { createPush } from 'nestjs-push-client/vue';
import { createApp } from 'vue';
import '../page/style.css';
import { push } from '../page/session.js';
import App from './App.vue';

createApp(App).use(createPush(push)).mount('#root');
