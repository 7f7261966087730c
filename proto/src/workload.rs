//! Placements on the wire, between coordinator and agent.

use tamer_model::{
    Check, Health, HttpCheck, Patience, Phase, PlacementOrder, PlacementStatus, Problem, Restart,
    Span, TcpCheck, Timestamp,
};

use crate::required::{Required, optional, parse};
use crate::wire;

/// The longest reason that is told of a placement, in bytes.
const MAX_REASON: usize = 1024;

impl From<PlacementOrder> for wire::PlacementOrder {
    fn from(order: PlacementOrder) -> Self {
        let PlacementOrder {
            id,
            workload,
            index,
            template,
            provider,
            instance,
            completes,
            restart,
            health,
            stop_after,
            stop_grace,
        } = order;
        Self {
            id: id.to_string(),
            workload: workload.into(),
            index,
            template,
            provider: provider.into(),
            instance: Some((*instance).into()),
            completes,
            restart: Some(restart.into()),
            health: health.map(Into::into),
            stop_after_ms: match stop_after {
                Patience::Never => None,
                Patience::After(span) => Some(span.as_millis()),
            },
            stop_grace_ms: stop_grace.as_millis(),
        }
    }
}

impl TryFrom<wire::PlacementOrder> for PlacementOrder {
    type Error = Problem;

    fn try_from(order: wire::PlacementOrder) -> Result<Self, Problem> {
        let wire::PlacementOrder {
            id,
            workload,
            index,
            template,
            provider,
            instance,
            completes,
            restart,
            health,
            stop_after_ms,
            stop_grace_ms,
        } = order;
        let after = |millis| Patience::After(Span::from_millis(millis));
        Ok(Self {
            id: parse(&id, "placement.id")?,
            workload: parse(&workload, "placement.workload")?,
            index,
            template,
            provider: parse(&provider, "placement.provider")?,
            instance: Box::new(instance.required("placement.instance")?.try_into()?),
            completes,
            restart: restart.required("placement.restart")?.into(),
            health: health.map(TryInto::try_into).transpose()?,
            stop_after: stop_after_ms.map_or(Patience::Never, after),
            stop_grace: Span::from_millis(stop_grace_ms),
        })
    }
}

impl From<Restart> for wire::RestartTerms {
    fn from(restart: Restart) -> Self {
        let Restart { attempts, window, backoff, longest } = restart;
        Self {
            attempts,
            window_ms: window.as_millis(),
            backoff_ms: backoff.as_millis(),
            longest_ms: longest.as_millis(),
        }
    }
}

impl From<wire::RestartTerms> for Restart {
    fn from(terms: wire::RestartTerms) -> Self {
        let wire::RestartTerms { attempts, window_ms, backoff_ms, longest_ms } = terms;
        // A wait of nothing would spin.
        let backoff = Span::from_millis(backoff_ms.max(1));
        Self {
            attempts,
            window: Span::from_millis(window_ms),
            backoff,
            longest: Span::from_millis(longest_ms).max(backoff),
        }
    }
}

impl From<Health> for wire::HealthCheck {
    fn from(health: Health) -> Self {
        let Health { check, every, timeout, start_period, failures, successes } = health;
        let check = match check {
            Check::Exec(argv) => wire::health_check::Check::Exec(wire::ExecCheck { argv }),
            Check::Http(HttpCheck { port, path }) => {
                wire::health_check::Check::Http(wire::HttpCheck { port: port.into(), path })
            }
            Check::Tcp(TcpCheck { port }) => {
                wire::health_check::Check::Tcp(wire::TcpCheck { port: port.into() })
            }
        };
        Self {
            check: Some(check),
            every_ms: every.as_millis(),
            timeout_ms: timeout.as_millis(),
            start_period_ms: start_period.as_millis(),
            failures,
            successes,
        }
    }
}

impl TryFrom<wire::HealthCheck> for Health {
    type Error = Problem;

    fn try_from(health: wire::HealthCheck) -> Result<Self, Problem> {
        let wire::HealthCheck { check, every_ms, timeout_ms, start_period_ms, failures, successes } =
            health;
        let port = |port: u32| {
            u16::try_from(port).map_err(|_| Problem::field("health.port", "not a port"))
        };
        let check = match check.required("health.check")? {
            wire::health_check::Check::Exec(wire::ExecCheck { argv }) => Check::Exec(argv),
            wire::health_check::Check::Http(wire::HttpCheck { port: number, path }) => {
                Check::Http(HttpCheck { port: port(number)?, path })
            }
            wire::health_check::Check::Tcp(wire::TcpCheck { port: number }) => {
                Check::Tcp(TcpCheck { port: port(number)? })
            }
        };
        let health = Self {
            check,
            every: Span::from_millis(every_ms),
            timeout: Span::from_millis(timeout_ms),
            start_period: Span::from_millis(start_period_ms),
            failures,
            successes,
        };
        health.validate()?;
        Ok(health)
    }
}

impl From<PlacementStatus> for wire::PlacementStatus {
    fn from(status: PlacementStatus) -> Self {
        let PlacementStatus { phase, healthy, since, restarts, reason, instance, exit_code } =
            status;
        Self {
            phase: phase.as_str().to_owned(),
            healthy,
            since: since.as_millis(),
            restarts,
            reason: reason.unwrap_or_default(),
            instance: instance.map(Into::into).unwrap_or_default(),
            exit_code,
        }
    }
}

impl TryFrom<wire::PlacementStatus> for PlacementStatus {
    type Error = Problem;

    fn try_from(status: wire::PlacementStatus) -> Result<Self, Problem> {
        let wire::PlacementStatus { phase, healthy, since, restarts, reason, instance, exit_code } =
            status;
        if reason.len() > MAX_REASON {
            let message = format!("longer than {MAX_REASON} bytes");
            return Err(Problem::field("placement.reason", message));
        }
        Ok(Self {
            phase: phase.parse::<Phase>().map_err(|problem| problem.on("placement.phase"))?,
            healthy,
            since: Timestamp::from_millis(since),
            restarts,
            reason: optional(reason),
            instance: optional(instance).map(TryInto::try_into).transpose()?,
            exit_code,
        })
    }
}

#[cfg(test)]
mod tests {
    use tamer_model::InstanceSpec;

    use super::*;

    fn order(check: Check) -> PlacementOrder {
        PlacementOrder {
            id: "p-0123456789abcdef".parse().expect("an id"),
            workload: "web".parse().expect("a name"),
            index: 3,
            template: 2,
            provider: "docker".parse().expect("a provider"),
            instance: Box::new(InstanceSpec {
                image: Some("busybox".to_owned()),
                ..InstanceSpec::default()
            }),
            completes: true,
            restart: Restart::default(),
            health: Some(Health {
                check,
                every: Span::from_secs(1),
                timeout: Span::from_secs(2),
                start_period: Span::from_secs(3),
                failures: 4,
                successes: 5,
            }),
            stop_after: Patience::After(Span::from_secs(6)),
            stop_grace: Span::from_secs(7),
        }
    }

    #[test]
    fn orders_come_through() {
        for check in [
            Check::Exec(vec!["true".to_owned()]),
            Check::Http(HttpCheck { port: 80, path: "/up?x=1".to_owned() }),
            Check::Tcp(TcpCheck { port: 80 }),
        ] {
            let order = order(check);
            assert_eq!(
                PlacementOrder::try_from(wire::PlacementOrder::from(order.clone())),
                Ok(order)
            );
        }
        let bare = PlacementOrder {
            health: None,
            stop_after: Patience::Never,
            ..order(Check::Exec(Vec::new()))
        };
        assert_eq!(PlacementOrder::try_from(wire::PlacementOrder::from(bare.clone())), Ok(bare));
    }

    #[test]
    fn a_status_comes_through() {
        let status = PlacementStatus {
            phase: Phase::Waiting,
            healthy: Some(false),
            since: Timestamp::from_millis(7),
            restarts: 2,
            reason: Some("exited with 1".to_owned()),
            instance: Some("0123".parse().expect("an id")),
            exit_code: Some(1),
        };
        assert_eq!(
            PlacementStatus::try_from(wire::PlacementStatus::from(status.clone())),
            Ok(status)
        );
    }

    #[test]
    fn the_field_at_fault_is_named() {
        let bad =
            wire::PlacementStatus { phase: "up".to_owned(), ..wire::PlacementStatus::default() };
        let problem = PlacementStatus::try_from(bad).expect_err("no phase");
        assert_eq!(problem.field.as_deref(), Some("placement.phase"));
        let good = wire::PlacementOrder::from(order(Check::Tcp(TcpCheck { port: 1 })));
        for (order, field) in [
            (wire::PlacementOrder { id: "x".to_owned(), ..good.clone() }, "placement.id"),
            (wire::PlacementOrder { instance: None, ..good.clone() }, "placement.instance"),
            (
                wire::PlacementOrder { health: Some(wire::HealthCheck::default()), ..good.clone() },
                "health.check",
            ),
        ] {
            let problem = PlacementOrder::try_from(order).expect_err(field);
            assert_eq!(problem.field.as_deref(), Some(field));
        }
    }
}
