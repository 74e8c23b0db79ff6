-- The token by which somebody joined is how they sign in: it stands for them wherever they act, as signing in does. Its row
-- moves to the membership of the organization in which its person acts. Any other token stays where it was made.
alter table api_token add column follows_person boolean not null default false;

create index api_token_following_idx on api_token (user_id) where follows_person;
