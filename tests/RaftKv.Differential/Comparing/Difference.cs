using System.Text;

namespace RaftKv.Differential.Comparing;

/// <summary>Where two stores went apart, in words.</summary>
/// <param name="Where">The operation, or what else differs.</param>
public sealed record Difference(string Where, string Left, string Right)
{
    public override string ToString()
        => new StringBuilder()
            .Append(Where).Append('\n')
            .Append("    left:  ").Append(Left).Append('\n')
            .Append("    right: ").Append(Right)
            .ToString();
}
