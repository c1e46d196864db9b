namespace RaftKv.Simulation;

/// <summary>A property does not hold. Ends the run; nothing but the run's owner catches it.</summary>
internal sealed class Violation(string property, string what) : Exception($"{property}: {what}")
{
    /// <summary>The property's name. A shrunk history must violate the same one.</summary>
    public string Property { get; } = property;
}
