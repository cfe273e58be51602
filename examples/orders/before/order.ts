export type Status = 'accepted' | 'packed' | 'shipped' | 'delivered';
