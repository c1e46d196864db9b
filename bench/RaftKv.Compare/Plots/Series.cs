namespace RaftKv.Compare.Plots;

/// <summary>A line of a chart.</summary>
internal sealed record Series(string Name, IReadOnlyList<(double X, double Y)> Points);
