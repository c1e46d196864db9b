using RaftKv.Faults.Histories;

namespace RaftKv.Faults.Checking;

/// <summary>Judges a history. Looks at nothing else, so that what was recorded can be judged again.</summary>
internal interface IChecker
{
    string Name { get; }

    Verdict Check(History history);
}
