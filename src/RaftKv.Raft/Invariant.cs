using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;

namespace RaftKv.Raft;

/// <summary>
/// Beliefs written down as checks. <see cref="Holds"/> stays on in Release: a member that stops is safe, one that
/// goes on confused is not. One claim per call, so that the message names exactly what broke.
/// </summary>
public static class Invariant
{
    /// <summary>A cheap truth, checked always.</summary>
    /// <exception cref="InvariantBrokenException">The claim is false; its source text is the message.</exception>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Holds(
        [DoesNotReturnIf(false)] bool claim,
        [CallerArgumentExpression(nameof(claim))] string text = "")
    {
        if (!claim)
        {
            Broken(text);
        }
    }

    [DoesNotReturn]
    private static void Broken(string text) => throw new InvariantBrokenException(text);
}

/// <summary>A belief about our own state turned out false. Never caught to go on: whoever holds the state stops.</summary>
public sealed class InvariantBrokenException(string claim) : Exception($"Invariant broken: {claim}");
