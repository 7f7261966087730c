//! A way in: an account, a key, a right and a door that came together.

use std::collections::BTreeSet;

use super::super::show::{count, names};
use super::super::words::{Area, How};
use super::context::Context;
use super::story::Told;
use crate::resource::Kind;

/// What a way in is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Sign {
    Account,
    Right,
    Key,
    Door,
    Job,
}

impl Sign {
    const fn words(self) -> &'static str {
        match self {
            Self::Account => "an account",
            Self::Right => "a right",
            Self::Key => "a key or a setting that lets people in",
            Self::Door => "an open port",
            Self::Job => "a job that runs by itself",
        }
    }
}

pub(super) fn propose(context: &Context<'_>) -> Vec<Vec<usize>> {
    context.together(|at| sign(context, at).is_some())
}

/// At least two different signs, of which one is about who may come in.
pub(super) fn tell(context: &Context<'_>, members: &[usize]) -> Option<Told> {
    let signs: BTreeSet<_> = members.iter().filter_map(|at| sign(context, *at)).collect();
    let who = [Sign::Account, Sign::Right, Sign::Key].iter().any(|sign| signs.contains(sign));
    if signs.len() < 2 || !who {
        return None;
    }
    let words: Vec<_> = signs.iter().map(|sign| sign.words()).collect();
    let hosts = context.hosts(members).len() as u64;
    Some(Told {
        title: format!("a way in may have been made on {}", count(hosts, "host")),
        why: format!(
            "{} changed on the same hosts at about the same time: together they let somebody in",
            names(words.iter().copied(), words.len())
        ),
        confidence: match signs.len() {
            2 => 60,
            3 => 80,
            _more => 90,
        },
    })
}

fn sign(context: &Context<'_>, at: usize) -> Option<Sign> {
    let came = matches!(context.how(at), How::Created | How::Changed | How::Replaced | How::Moved);
    if !came {
        return None;
    }
    let security = context.drafts[at].judgement.area == Area::Security;
    match context.kind(at) {
        Kind::User => Some(Sign::Account),
        Kind::Group => Some(Sign::Right),
        Kind::File | Kind::Config if security => Some(Sign::Key),
        Kind::Port => Some(Sign::Door),
        Kind::Job => Some(Sign::Job),
        Kind::File
        | Kind::Config
        | Kind::System
        | Kind::Package
        | Kind::Service
        | Kind::Mount
        | Kind::Interface
        | Kind::Route
        | Kind::Resolver
        | Kind::Sysctl
        | Kind::Certificate
        | Kind::Technology
        | Kind::Instance
        | Kind::Image
        | Kind::Network
        | Kind::Volume
        | Kind::Pool
        | Kind::Checkpoint => None,
    }
}
