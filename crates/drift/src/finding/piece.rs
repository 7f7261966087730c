//! One change of one host, classified.

use std::cell::OnceCell;

use super::facts::Facts;
use super::input::Window;
use super::words::How;
use crate::diff::{Change, FieldChange, Path, Root};
use crate::resource::{Kind, Resource, Value};

/// A change of a resource on the host at this place among the hosts in order.
#[derive(Debug)]
pub(super) struct Piece<'a> {
    pub(super) host: usize,
    pub(super) how: How,
    pub(super) before: Option<&'a Resource>,
    pub(super) after: Option<&'a Resource>,
    /// Whence it moved, when that was another host.
    pub(super) from_host: Option<usize>,
    pub(super) fields: Vec<FieldChange>,
    pub(super) window: Window,
    now: OnceCell<Facts<'a>>,
    was: OnceCell<Facts<'a>>,
}

impl<'a> Piece<'a> {
    /// A change as it was seen: it came, it went, or it is another.
    pub(super) fn plain(host: usize, change: &'a Change, window: Window) -> Option<Self> {
        let (how, fields) = match (&change.before, &change.after) {
            (None, Some(after)) => (How::Created, all(after, false)),
            (Some(before), None) => (How::Deleted, all(before, true)),
            (Some(_), Some(_)) => (How::Changed, telling(change.fields())),
            (None, None) => return None,
        };
        Some(Self::new(host, how, change.before.as_ref(), change.after.as_ref(), fields, window))
    }

    /// A resource that is what it was, and whose time runs out.
    pub(super) fn due(host: usize, held: &'a Resource, window: Window) -> Self {
        let after = held.properties.get("not_after").cloned();
        let field = FieldChange { path: Path::property("not_after"), before: after.clone(), after };
        Self::new(host, How::Due, Some(held), Some(held), vec![field], window)
    }

    /// Two changes that are one: what went, and what came in its place.
    pub(super) fn joined(how: How, went: &Self, came: &Self) -> Self {
        let fields = match (how, went.before, came.after) {
            (How::Moved, Some(before), Some(after)) if went.host == came.host => {
                vec![place("id", before.key.id(), after.key.id())]
            }
            (_, Some(before), Some(after)) => telling(crate::diff::fields(before, after)),
            (_, _, _) => Vec::new(),
        };
        let window = went.window.with(came.window);
        let mut piece = Self::new(came.host, how, went.before, came.after, fields, window);
        piece.from_host = (went.host != came.host).then_some(went.host);
        piece
    }

    fn new(
        host: usize,
        how: How,
        before: Option<&'a Resource>,
        after: Option<&'a Resource>,
        fields: Vec<FieldChange>,
        window: Window,
    ) -> Self {
        let (now, was) = (OnceCell::new(), OnceCell::new());
        Self { host, how, before, after, from_host: None, fields, window, now, was }
    }

    /// The resource as it is, or as it was when it is gone.
    pub(super) fn lead(&self) -> &'a Resource {
        self.after.or(self.before).expect("a change has a side")
    }

    pub(super) fn kind(&self) -> Kind {
        self.lead().key.kind()
    }

    pub(super) fn facts(&self) -> &Facts<'a> {
        self.now.get_or_init(|| Facts::of(self.lead()))
    }

    pub(super) fn facts_before(&self) -> Option<&Facts<'a>> {
        self.before.map(|before| self.was.get_or_init(|| Facts::of(before)))
    }

    /// What its source calls it, empty where that is drawn anew for each; and its name. The same on
    /// every host for what people call the same.
    pub(super) fn ident(&self) -> (&'a str, &'a str) {
        let lead = self.lead();
        if is_drawn(self.kind()) { ("", &lead.name) } else { (lead.key.id(), &lead.name) }
    }
}

/// Whether ids of this kind are drawn by a technology, so that people know things by their names.
pub(super) const fn is_drawn(kind: Kind) -> bool {
    match kind {
        Kind::Instance
        | Kind::Image
        | Kind::Network
        | Kind::Volume
        | Kind::Pool
        | Kind::Checkpoint => true,
        Kind::System
        | Kind::Package
        | Kind::Service
        | Kind::User
        | Kind::Group
        | Kind::Port
        | Kind::Mount
        | Kind::Interface
        | Kind::Route
        | Kind::Resolver
        | Kind::Sysctl
        | Kind::Job
        | Kind::Certificate
        | Kind::File
        | Kind::Config
        | Kind::Technology => false,
    }
}

/// All properties of what came or went.
fn all(resource: &Resource, gone: bool) -> Vec<FieldChange> {
    let field = |(name, value): (&String, &Value)| {
        let (before, after) =
            if gone { (Some(value.clone()), None) } else { (None, Some(value.clone())) };
        FieldChange { path: Path::property(name.as_str()), before, after }
    };
    resource.properties.iter().map(field).collect()
}

/// Times tell when something changed and not what: they count where nothing else differs.
fn telling(fields: Vec<FieldChange>) -> Vec<FieldChange> {
    let is_time = |field: &FieldChange| matches!(field.path.root, Root::Created | Root::Updated);
    if fields.iter().all(is_time) {
        return fields;
    }
    fields.into_iter().filter(|field| !is_time(field)).collect()
}

pub(super) fn place(name: &str, before: &str, after: &str) -> FieldChange {
    FieldChange {
        path: Path::property(name),
        before: Some(Value::Text(before.to_owned())),
        after: Some(Value::Text(after.to_owned())),
    }
}
