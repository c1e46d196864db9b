namespace RaftKv.Extensions.Configuration;

/// <summary>Which keys are settings, and what happens while the store is away.</summary>
/// <example><code>
/// new RaftKvConfigurationOptions { Prefix = "shop/prod/", LastGoodFile = "/var/lib/shop/settings.json" }
/// </code></example>
public sealed record RaftKvConfigurationOptions
{
    /// <summary>What the keys begin with. It is no part of the settings' names.</summary>
    public required string Prefix { get; init; }

    /// <summary>What separates the parts of a name in keys: <c>shop/prod/Limits/Orders</c> is <c>Limits:Orders</c>.</summary>
    public char KeyDelimiter { get; init; } = '/';

    /// <summary>Whether changes in the store become changes of the settings.</summary>
    public bool ReloadsOnChange { get; init; } = true;

    /// <summary>
    /// A file that keeps the settings as they were last read, for starts while the store is away. It holds them in plain text,
    /// readable by its owner alone.
    /// </summary>
    public string? LastGoodFile { get; init; }

    /// <summary>Whether there may be no settings at all while the store is away and there is no last good file.</summary>
    public bool IsOptional { get; init; }

    /// <summary>How long the start waits for the store.</summary>
    public TimeSpan LoadTimeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>How long changes are gathered before they are told as one.</summary>
    public TimeSpan Settle { get; init; } = TimeSpan.FromMilliseconds(100);

    /// <summary>Told of every failure that does not end the start: there is no log yet while settings are read.</summary>
    public Action<Exception>? OnFailure { get; init; }

    /// <summary>The clock of everything that takes time.</summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;
}
