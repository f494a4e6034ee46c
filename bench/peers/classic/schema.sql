-- The tables of a classic chat service that a send touches, with the indexes such a service has.
create table users (
  id uuid primary key,
  username varchar(50) unique not null,
  display_name varchar(100),
  avatar_url varchar(500),
  status varchar(50) default 'offline',
  last_seen timestamptz,
  created_at timestamptz default now()
);
create index users_status on users (status);

create table chats (
  id uuid primary key,
  type varchar(20) not null check (type in ('direct', 'group')),
  name varchar(100),
  owner_id uuid references users,
  created_at timestamptz default now(),
  last_message_at timestamptz,
  is_deleted boolean default false
);
create index chats_last_message on chats (last_message_at desc) where not is_deleted;

create table chat_participants (
  id uuid primary key default gen_random_uuid(),
  chat_id uuid not null references chats on delete cascade,
  user_id uuid not null references users on delete cascade,
  role varchar(20) default 'member',
  joined_at timestamptz default now(),
  left_at timestamptz,
  unique (chat_id, user_id)
);
create index chat_participants_active on chat_participants (chat_id, left_at);
create index chat_participants_user on chat_participants (user_id);

create table messages (
  id uuid primary key default gen_random_uuid(),
  chat_id uuid not null references chats on delete cascade,
  sender_id uuid references users on delete set null,
  content text not null,
  content_type varchar(20) default 'text',
  metadata jsonb default '{}',
  reply_to_id uuid references messages,
  is_edited boolean default false,
  is_deleted boolean default false,
  created_at timestamptz default clock_timestamp()
);
create index messages_history on messages (chat_id, created_at desc) where not is_deleted;
create index messages_sender on messages (sender_id, created_at desc);
create index messages_search on messages using gin (to_tsvector('english', content)) where not is_deleted;

-- The pair is the key, which spares every delivery a key and an index of its own.
create table message_delivery (
  message_id uuid not null references messages on delete cascade,
  user_id uuid not null references users on delete cascade,
  status varchar(20) default 'sent',
  delivered_at timestamptz,
  read_at timestamptz,
  primary key (message_id, user_id)
);
create index message_delivery_user on message_delivery (user_id, status);
