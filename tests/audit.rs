//! `mission-control audit verify`, as an operator runs it.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::{
    os::unix::fs::PermissionsExt,
    process::{Command, Output},
};

use mission_control::embedded::{Config, Embedded};
use sqlx::{Connection, PgConnection, PgPool};

/// Three rows, chained as the service chains them.
const ROWS: &str = r#"
create function pg_temp.part(value bytea) returns bytea language sql immutable as $$
    select int8send(coalesce(length(value), 0)::bigint) || coalesce(value, ''::bytea)
$$;
do $$
declare
    organization uuid := '00000000-0000-0000-0000-000000000001';
    at timestamptz := '2026-11-22T10:30:00Z';
    salt bytea := sha256('salt');
    made_digest bytea;
    made_hash bytea := decode(repeat('00', 32), 'hex');
    made_id uuid;
begin
    for number in 1..3 loop
        made_id := gen_random_uuid();
        made_digest := sha256(pg_temp.part(salt) || pg_temp.part('Ann') || pg_temp.part('Ann did it.')
            || pg_temp.part('{}') || pg_temp.part('\x01'));
        made_hash := sha256(pg_temp.part('mission-control.log.2') || pg_temp.part(made_hash)
            || pg_temp.part(int8send(number)) || pg_temp.part(uuid_send(made_id))
            || pg_temp.part(uuid_send(organization)) || pg_temp.part(null) || pg_temp.part(null) || pg_temp.part(null)
            || pg_temp.part('tag.created') || pg_temp.part('user') || pg_temp.part(null)
            || pg_temp.part(int8send((extract(epoch from at) * 1000000)::bigint)) || pg_temp.part(made_digest)
            || pg_temp.part(null));
        insert into activity.event (sequence, id, organization_id, type, actor_kind, actor_name, occurred_at, message,
            payload, encoded, hash, format, salt, digest)
        values (number, made_id, organization, 'tag.created', 'user', 'Ann', at, 'Ann did it.',
            '{}', '\x01', made_hash, 2, salt, made_digest);
    end loop;
    update activity.chain_head set sequence = 3, hash = made_hash;
end
$$;
"#;

fn run(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_mission-control"))
        .args(arguments)
        .env_remove("MC_DATABASE_URL")
        .env_remove("MC_DATA_DIR")
        .output()
        .unwrap()
}

/// Whether the log was found unbroken, and what was said of it.
fn verified(arguments: &[&str]) -> (bool, String) {
    let ended = run(&[&["audit", "verify"], arguments].concat());
    let said = [ended.stdout, ended.stderr].concat();
    assert!(
        matches!(ended.status.code(), Some(0 | 1)),
        "{:?}",
        ended.status
    );
    (ended.status.success(), String::from_utf8(said).unwrap())
}

/// The URL of a test's own database.
fn url(pool: &PgPool) -> String {
    let server = std::env::var("DATABASE_URL").unwrap();
    let mut url: url::Url = server.parse().unwrap();
    let options = pool.connect_options();
    url.set_path(options.get_database().unwrap());
    url.to_string()
}

async fn write_log(url: &str) {
    let mut conn = PgConnection::connect(url).await.unwrap();
    sqlx::raw_sql(ROWS).execute(&mut conn).await.unwrap();
    conn.close().await.unwrap();
}

#[sqlx::test(migrations = false)]
async fn the_log_is_verified_and_the_first_bad_row_named(pool: PgPool) {
    let url = url(&pool);
    let (unbroken, said) = verified(&["--database-url", &url]);
    assert!(
        !unbroken && said.contains("mission-control migrate"),
        "{said}"
    );
    let migrated = run(&["migrate", "--database-url", &url]);
    assert!(migrated.status.success(), "{migrated:?}");
    let (unbroken, said) = verified(&["--database-url", &url]);
    assert!(unbroken && said.contains("unbroken: 0 events"), "{said}");

    write_log(&url).await;
    let (unbroken, said) = verified(&["--database-url", &url]);
    assert!(
        unbroken && said.contains("unbroken: 3 events, 0 of them redacted"),
        "{said}"
    );

    let redact =
        "update activity.event set salt = null, actor_name = null, message = null, payload = null,
        encoded = null, redacted_at = now() where sequence = 1";
    sqlx::query(redact).execute(&pool).await.unwrap();
    let (unbroken, said) = verified(&["--database-url", &url]);
    assert!(
        unbroken && said.contains("unbroken: 3 events, 1 of them redacted"),
        "{said}"
    );

    for step in [
        "alter table activity.event disable trigger user",
        "update activity.event set message = 'Ann did nothing.' where sequence = 3",
    ] {
        sqlx::query(step).execute(&pool).await.unwrap();
    }
    let (unbroken, said) = verified(&["--database-url", &url]);
    assert!(
        !unbroken && said.contains("broken at sequence 3: its content was changed"),
        "{said}"
    );
    assert!(
        said.contains("2 events before it hold, 1 of them redacted"),
        "{said}"
    );

    sqlx::query("delete from activity.event where sequence = 2")
        .execute(&pool)
        .await
        .unwrap();
    let (unbroken, said) = verified(&["--database-url", &url]);
    assert!(
        !unbroken && said.contains("broken at sequence 2: it is not there"),
        "{said}"
    );
}

#[tokio::test]
async fn the_private_database_is_verified_running_or_not() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::set_permissions(dir.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    let data_dir = dir.path().join("data");
    let named = ["--data-dir", data_dir.to_str().unwrap()];
    let (unbroken, said) = verified(&named);
    assert!(!unbroken && said.contains("MC_DATABASE_URL"), "{said}");
    assert!(!data_dir.exists(), "looking makes nothing");

    let database = Embedded::start(&data_dir, &Config::default())
        .await
        .unwrap();
    let migrated = run(&["migrate", "--database-url", database.url()]);
    assert!(migrated.status.success(), "{migrated:?}");
    write_log(database.url()).await;
    let (unbroken, said) = verified(&named);
    assert!(unbroken && said.contains("unbroken: 3 events"), "{said}");
    database.stop().await.unwrap();
    let (unbroken, said) = verified(&named);
    assert!(unbroken && said.contains("unbroken: 3 events"), "{said}");
}
