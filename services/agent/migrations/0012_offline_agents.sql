-- Since when it is known that an agent does not call any more; its next call ends it.
alter table agent add column offline_since timestamptz;
