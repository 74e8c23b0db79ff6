//! Logs, traces and metrics of a process.

use std::{io::IsTerminal, time::Duration};

use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use opentelemetry::trace::TracerProvider;
use opentelemetry_otlp::WithExportConfig;
use opentelemetry_sdk::{Resource, propagation::TraceContextPropagator, trace::SdkTracerProvider};
use tracing_subscriber::{EnvFilter, Layer, layer::SubscriberExt, util::SubscriberInitExt};

/// Options of what a process tells about itself.
#[derive(Clone, Debug, clap::Args)]
#[group(skip)]
pub struct Config {
    /// How log lines are written.
    #[arg(long, env = "LOG_FORMAT", default_value = "text", value_enum)]
    pub log_format: Format,
    /// What is logged: `error`, `warn`, `info`, `debug`, `trace`, or a filter such as `info,sqlx=debug`.
    #[arg(long, env = "LOG_LEVEL", default_value = "info", value_parser = level)]
    pub log_level: String,
    /// Where traces go over OTLP/gRPC, such as `http://collector:4317`; nowhere when absent.
    #[arg(long, env = "OTEL_EXPORTER_OTLP_ENDPOINT", value_parser = endpoint)]
    pub otlp_endpoint: Option<url::Url>,
}

fn endpoint(text: &str) -> Result<url::Url, String> {
    match url::Url::parse(text.trim()) {
        Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => Ok(url),
        _ => Err("must be a URL such as http://collector:4317".into()),
    }
}

/// How log lines are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// One readable line each.
    Text,
    /// One JSON object each.
    Json,
}

/// Accepts the level names of the contract in any case, and filters.
fn level(text: &str) -> Result<String, String> {
    let lower = text.trim().to_ascii_lowercase();
    let word = match lower.as_str() {
        "warning" => "warn".to_owned(),
        "critical" => "error".to_owned(),
        _ => lower,
    };
    let plain = !word.contains(['=', ',']);
    let known = ["error", "warn", "info", "debug", "trace", "off"].contains(&word.as_str());
    if (plain && !known) || EnvFilter::try_new(&word).is_err() {
        return Err(
            "must be error, warn, info, debug, trace, or a filter such as info,sqlx=debug".into(),
        );
    }
    Ok(word)
}

/// Keeps telemetry alive; flushes traces when dropped.
pub struct Telemetry {
    provider: SdkTracerProvider,
    /// Renders the metrics of this process.
    pub metrics: PrometheusHandle,
}

impl Drop for Telemetry {
    fn drop(&mut self) {
        let _ = self.provider.shutdown_with_timeout(Duration::from_secs(2));
    }
}

/// Upper bounds of latency buckets, seconds: from a cached read to a slow gateway.
const LATENCY_BUCKETS: [f64; 14] = [
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
];

/// Installs logging, tracing and metrics for the whole process.
pub fn init(config: &Config) -> anyhow::Result<Telemetry> {
    opentelemetry::global::set_text_map_propagator(TraceContextPropagator::new());
    let resource = Resource::builder()
        .with_service_name("mission-control")
        .build();
    let mut provider = SdkTracerProvider::builder().with_resource(resource);
    if let Some(endpoint) = &config.otlp_endpoint {
        let exporter = opentelemetry_otlp::SpanExporter::builder()
            .with_tonic()
            .with_endpoint(endpoint.as_str())
            .build()?;
        provider = provider.with_batch_exporter(exporter);
    }
    let provider = provider.build();
    let tracer = provider.tracer("mission-control");

    let quiet = [
        "hyper",
        "h2",
        "tower",
        "rustls",
        "tonic",
        "lapin",
        "opentelemetry",
        "reqwest",
        "tungstenite",
        "sqlx::postgres::notice",
    ];
    let mut filter = EnvFilter::try_new(&config.log_level)?;
    if !config.log_level.contains(['=', ',']) && config.log_level != "trace" {
        for module in quiet {
            filter = filter.add_directive(format!("{module}=warn").parse()?);
        }
    }
    let lines = match config.log_format {
        Format::Text => tracing_subscriber::fmt::layer()
            .with_target(true)
            .with_ansi(std::io::stderr().is_terminal())
            .with_writer(std::io::stderr)
            .boxed(),
        Format::Json => tracing_subscriber::fmt::layer()
            .json()
            .flatten_event(true)
            .with_current_span(true)
            .with_span_list(false)
            .with_writer(std::io::stderr)
            .boxed(),
    };
    tracing_subscriber::registry()
        .with(filter)
        .with(lines)
        .with(tracing_opentelemetry::layer().with_tracer(tracer))
        .init();

    let metrics = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".into()), &LATENCY_BUCKETS)?
        .install_recorder()?;
    Ok(Telemetry { provider, metrics })
}
