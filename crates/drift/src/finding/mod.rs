//! What changes mean: findings.
//!
//! [`Report::of`] takes a [`Comparison`] of a baseline with now, the [`Deed`]s of Tamer itself and
//! [`Settings`], and says what differs: each change is classified, judged by rules that are data,
//! attributed, and gathered with the equal ones of other hosts; findings that are one story are
//! grouped. What rules hide is counted by rule, and what nobody looked at is told every time.

mod alarm;
mod alike;
mod classify;
mod condition;
mod deed;
mod due;
mod explain;
mod facts;
mod gather;
mod gist;
mod glob;
mod groups;
mod html;
mod ignore;
mod input;
mod make;
mod markdown;
mod origin;
mod owners;
mod piece;
mod prompt;
mod propose;
mod replay;
mod report;
mod rules;
pub mod show;
mod title;
mod unobserved;
mod words;

pub use alarm::Alarm;
pub use deed::{Deed, Doing, Touch, Touched};
pub use due::{ends, is_due};
pub use explain::{explain, explain_all};
pub use glob::{Glob, MAX_GLOB, PathGlob};
pub use html::html;
pub use ignore::{Acknowledgement, IgnoreRule};
pub use input::{Comparison, Gap, HELD, HostDrift, Incomplete, Moment, Window};
pub use make::{MAX_RELATED, Settings};
pub use markdown::markdown;
pub use origin::{Attribution, MAX_DEEDS, Origin, Ours, SURE_ENOUGH};
pub use owners::Owners;
pub use prompt::{MAX_PROMPT, prompt};
pub use propose::{MAX_PROPOSALS, Proposal, propose};
pub use replay::{MAX_EXAMPLES, Replay, replay};
pub use report::{
    Exceptions, Finding, Group, Hidden, MAX_EXCEPTIONS, Member, REPORT_VERSION, Report, Summary,
    Unobserved,
};
pub use rules::{Judgement, MAX_RULES, Rules};
pub use words::{Area, How, OriginWord, Severity, Verdict};
