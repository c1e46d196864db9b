using RaftKv.Faults.Histories;

namespace RaftKv.Faults.Checking.Rights;

/// <summary>
/// <b>No byte of a key goes to a user who could not read it at any moment between the beginning and the end of the call</b>,
/// whatever the call. What is answered without bytes, such as a count or which branch was taken, tells of keys as well. Rights
/// change while calls are under way, and nobody knows when exactly: what may have been allowed counts as allowed.
/// </summary>
internal sealed class OnlyWhatIsAllowed : IChecker
{
    public string Name => "only what is allowed";

    public Verdict Check(History history)
    {
        var rights = new RightTimes(history);
        var probes = history.Operations.Where(operation => operation.Call == RightFacts.Probe).ToList();
        var findings = new List<Finding>();
        foreach (var probe in probes.Where(probe => probe.IsOk))
        {
            if (RightFacts.ScopeOf(probe.Key!) is { } scope && !rights.MayRead(scope, probe))
            {
                findings.Add(new Finding("answered-without-right", $"'{probe.Value}' of '{probe.Key}' was answered, which the user was not allowed at any moment.", probe));
            }

            findings.AddRange(Shown(probe).Distinct()
                .Where(key => RightFacts.ScopeOf(key) is { } shown && !rights.MayRead(shown, probe))
                .Select(key => new Finding("leak", $"'{probe.Value}' of '{probe.Key}' has told of '{key}', which the user could not read at any moment.", probe)));
        }

        var refused = probes.Count(probe => probe.Outcome == Outcome.Fail);
        var answered = probes.Count(probe => probe.IsOk);
        return findings.Count == 0 && (refused == 0 || answered == 0)
            ? Verdict.UnknownOf(Name, $"{answered} probes were answered and {refused} refused: nothing can be told.")
            : Verdict.Of(Name, findings, $"{answered} probes answered, {refused} refused");
    }

    // A value begins with the name of its key.
    private static IEnumerable<string> Shown(Invocation probe)
        => (probe.Entries ?? []).SelectMany(entry => new[] { entry.Key ?? "", entry.Value?.Split('#')[0] ?? "" });

    /// <summary>What the user may have been able to read, and when.</summary>
    private sealed class RightTimes
    {
        private readonly Dictionary<string, PossibleTimes> _facts;
        private readonly Dictionary<string, PossibleTimes> _scopes = new(StringComparer.Ordinal);

        public RightTimes(History history)
        {
            var changes = history.Operations.Where(operation => operation.Call is RightFacts.Allow or RightFacts.Forbid).ToList();
            var userIsGone = changes.Where(change => change is { Call: RightFacts.Forbid, Key: RightFacts.User }).ToList();
            _facts = changes.Select(change => change.Key!).Append(RightFacts.Open).Distinct().ToDictionary(
                fact => fact,
                fact => PossibleTimes.Of(
                    holdsAtFirst: fact == RightFacts.Open,
                    changes.Where(change => change.Key == fact).Union(RightFacts.IsOfUser(fact) ? userIsGone : [])));
        }

        public bool MayRead(string scope, Invocation probe)
        {
            if (!_scopes.TryGetValue(scope, out var times))
            {
                _scopes[scope] = times = Times(scope);
            }

            return times.Meets(probe.Begin, probe.End);
        }

        private PossibleTimes Times(string scope)
        {
            var byRoles = _facts.Keys.Select(RightFacts.RoleOf).OfType<string>()
                .Aggregate(PossibleTimes.Never, (times, role) => times.Or(Fact(RightFacts.Role(role)).And(Fact(RightFacts.Permission(role, scope)))));
            return Fact(RightFacts.Open).Or(Fact(RightFacts.User).And(byRoles));
        }

        private PossibleTimes Fact(string fact) => _facts.GetValueOrDefault(fact, PossibleTimes.Never);
    }
}
