//! `shoal`: every part of a meeting service as a subcommand, and `all` of them in one process.

mod all;
mod check;
mod cli;
mod crd;
mod kubectl;
mod kubernetes;
mod loadtest;
mod log;
mod parts;
#[cfg(test)]
mod rendered;
mod secret;
mod service;
mod settings;
mod stop;
mod web;

use anyhow::Context;
use clap::Parser;

use cli::{Cli, Part};
use settings::Settings;

fn main() -> anyhow::Result<()> {
    let part = match kubectl::Plugin::from_name() {
        Some(plugin) => Part::Kubectl(plugin.options),
        None => Cli::parse().part,
    };
    log::init(match &part {
        Part::Kubectl(_) | Part::Crd { .. } | Part::Configuration => log::TERSE,
        _ => log::FILTER,
    });
    match listen::descriptors::raise() {
        Ok(raised) => {
            tracing::info!(
                started_with = raised.from,
                may_open = raised.to,
                "limit on open files"
            );
        }
        Err(error) => tracing::warn!(
            %error,
            "the limit on open files cannot be raised to the hard limit; it bounds how many people can connect"
        ),
    }
    rustls::crypto::aws_lc_rs::default_provider()
        .install_default()
        .map_err(|_| anyhow::anyhow!("invariant: the TLS provider is installed once"))?;
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("cannot start the async runtime")?
        .block_on(run(part))
}

async fn run(part: Part) -> anyhow::Result<()> {
    let stop = stop::on_signal();
    match part {
        Part::All { source, shortcuts } => {
            all::run(Settings::load(&source, &shortcuts.settings())?, stop).await
        }
        Part::Signalling(source) => {
            parts::signalling(Settings::load(&source, &[])?.signalling, stop).await
        }
        Part::Focus(source) => parts::focus(Settings::load(&source, &[])?, stop).await,
        Part::Bridge(source) => parts::bridge(Settings::load(&source, &[])?.bridge, stop).await,
        Part::Web(source) => parts::web(&Settings::load(&source, &[])?, stop).await,
        Part::Operator(flags) => kubernetes::run(flags, stop).await,
        Part::FrontDoor(flags) => kubernetes::front_door(flags, stop).await,
        Part::Kubectl(options) => kubectl::run(options, stop).await,
        Part::Loadtest(options) => loadtest::run(options, stop).await,
        Part::Check(options) => check::run(options, stop).await,
        Part::Crd { plural } => {
            log::tell(crd::definition(&plural)?.trim_end());
            Ok(())
        }
        Part::Configuration => {
            log::tell(Settings::reference().trim_end());
            Ok(())
        }
    }
}
