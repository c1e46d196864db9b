using System.Globalization;

namespace RaftKv.Compare.Results;

/// <summary>What ours has to reach.</summary>
/// <param name="Row">In words.</param>
/// <param name="Work">Whose figure.</param>
/// <param name="Of">Which.</param>
/// <param name="Limit">Of the ratio of ours to etcd's; or of ours alone.</param>
/// <param name="IsAtLeast">Whether more is better.</param>
/// <param name="IsOfOursAlone">The figure is a ratio already, of the same program with and without something.</param>
internal sealed record Goal(string Row, string Work, string Of, double Limit, bool IsAtLeast = false, bool IsOfOursAlone = false)
{
    public string LimitText => string.Create(CultureInfo.InvariantCulture, $"{(IsAtLeast ? ">=" : "<=")} {Limit:0.##}x");

    /// <summary>What is held against the limit; null if it was not measured.</summary>
    public double? Reached(double? etcd, double? ours) => IsOfOursAlone ? ours : etcd > 0 ? ours / etcd : null;

    public bool IsMet(double reached) => IsAtLeast ? reached >= Limit : reached <= Limit;
}
