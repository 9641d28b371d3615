//! How fast the number may change: stabilization windows and policies.

use std::time::Duration;

use k8s_openapi::api::autoscaling::v2::{
    HPAScalingPolicy, HPAScalingRules, HorizontalPodAutoscalerBehavior,
};

/// Both directions, and what happened so far.
pub(super) struct Behavior {
    up: Rules,
    down: Rules,
    /// What metrics asked for, and when.
    wishes: Vec<(Duration, i32)>,
    /// Replicas added, and when.
    added: Vec<(Duration, i32)>,
    /// Replicas removed, and when.
    removed: Vec<(Duration, i32)>,
}

struct Rules {
    window: Duration,
    select: Select,
    policies: Vec<Policy>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Select {
    Max,
    Min,
    Disabled,
}

#[derive(Clone, Copy)]
struct Policy {
    amount: Amount,
    period: Duration,
}

#[derive(Clone, Copy)]
enum Amount {
    Pods(i32),
    Percent(i32),
}

impl Behavior {
    /// With Kubernetes' defaults for what is left out.
    pub(super) fn of(spec: Option<&HorizontalPodAutoscalerBehavior>) -> Self {
        let fifteen = |amount| Policy {
            amount,
            period: Duration::from_secs(15),
        };
        let up = Rules {
            window: Duration::ZERO,
            select: Select::Max,
            policies: vec![fifteen(Amount::Pods(4)), fifteen(Amount::Percent(100))],
        };
        let down = Rules {
            window: Duration::from_secs(300),
            select: Select::Max,
            policies: vec![fifteen(Amount::Percent(100))],
        };
        Self {
            up: up.with(spec.and_then(|spec| spec.scale_up.as_ref())),
            down: down.with(spec.and_then(|spec| spec.scale_down.as_ref())),
            wishes: Vec::new(),
            added: Vec::new(),
            removed: Vec::new(),
        }
    }

    /// The number to go to, when metrics ask for `wanted`.
    pub(super) fn handle_proposal(
        &mut self,
        now: Duration,
        current: i32,
        wanted: i32,
        min: i32,
        max: i32,
    ) -> i32 {
        let longest = self.up.window.max(self.down.window);
        self.wishes.retain(|(at, _)| *at + longest > now);
        self.wishes.push((now, wanted));
        // Up only to what was wished all the time, down only to the most that was wished.
        let within = |window: Duration| {
            let wishes = self.wishes.iter();
            wishes.filter_map(move |(at, wish)| (*at == now || *at + window > now).then_some(*wish))
        };
        let least = within(self.up.window).min().unwrap_or(wanted);
        let most = within(self.down.window).max().unwrap_or(wanted);
        let stable = current.max(least).min(most);
        if stable > current {
            stable.min(self.most(now, current)).min(max).max(current)
        } else {
            stable.max(self.least(now, current)).max(min).min(current)
        }
    }

    /// Remembers a change for the policies.
    pub(super) fn handle_change(&mut self, now: Duration, before: i32, after: i32) {
        let longest = |rules: &Rules| rules.policies.iter().map(|one| one.period).max();
        let periods = [longest(&self.up), longest(&self.down)];
        let longest = periods.into_iter().flatten().max().unwrap_or_default();
        for changes in [&mut self.added, &mut self.removed] {
            changes.retain(|(at, _)| *at + longest > now);
        }
        match after - before {
            0 => {}
            more @ 1.. => self.added.push((now, more)),
            less => self.removed.push((now, -less)),
        }
    }

    /// Where the pool was when the period began.
    fn start(&self, now: Duration, current: i32, period: Duration) -> i32 {
        let sum = |changes: &[(Duration, i32)]| {
            let recent = changes.iter().filter(|(at, _)| *at + period > now);
            recent.map(|(_, number)| number).sum::<i32>()
        };
        current - sum(&self.added) + sum(&self.removed)
    }

    fn most(&self, now: Duration, current: i32) -> i32 {
        let limits = self.up.policies.iter().map(|policy| {
            let start = self.start(now, current, policy.period);
            match policy.amount {
                Amount::Pods(pods) => start + pods,
                Amount::Percent(percent) => {
                    (f64::from(start) * (1.0 + f64::from(percent) / 100.0)).ceil() as i32
                }
            }
        });
        let limit = match self.up.select {
            Select::Max => limits.max(),
            Select::Min => limits.min(),
            Select::Disabled => None,
        };
        limit.unwrap_or(current)
    }

    fn least(&self, now: Duration, current: i32) -> i32 {
        let limits = self.down.policies.iter().map(|policy| {
            let start = self.start(now, current, policy.period);
            match policy.amount {
                Amount::Pods(pods) => start - pods,
                Amount::Percent(percent) => {
                    (f64::from(start) * (1.0 - f64::from(percent) / 100.0)) as i32
                }
            }
        });
        // The policy that changes most is the one with the lowest limit.
        let limit = match self.down.select {
            Select::Max => limits.min(),
            Select::Min => limits.max(),
            Select::Disabled => None,
        };
        limit.unwrap_or(current)
    }
}

impl Rules {
    fn with(mut self, own: Option<&HPAScalingRules>) -> Self {
        let Some(own) = own else {
            return self;
        };
        if let Some(seconds) = own.stabilization_window_seconds {
            self.window = Duration::from_secs(seconds.unsigned_abs().into());
        }
        if let Some(select) = own.select_policy.as_deref() {
            self.select = match select {
                "Min" => Select::Min,
                "Disabled" => Select::Disabled,
                _ => Select::Max,
            };
        }
        if let Some(policies) = &own.policies {
            self.policies = policies.iter().map(Policy::of).collect();
        }
        self
    }
}

impl Policy {
    fn of(spec: &HPAScalingPolicy) -> Self {
        Self {
            amount: match spec.type_.as_str() {
                "Pods" => Amount::Pods(spec.value),
                _ => Amount::Percent(spec.value),
            },
            period: Duration::from_secs(spec.period_seconds.unsigned_abs().into()),
        }
    }
}
