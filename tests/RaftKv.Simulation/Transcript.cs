using System.Globalization;
using RaftKv.Raft;
using RaftKv.Raft.Messages;

namespace RaftKv.Simulation;

/// <summary>A run in words, one line for each thing that happens.</summary>
internal sealed class Transcript(TextWriter writer)
{
    // Virtual time, node, role, term, log span, commit, applied, what happened:
    //
    //    812.345 ms  2 L t4   17..63   c62  a62   receive 1 -> 2 AppendResponse t4 through=62
    public void Stepped(long now, SimulatedNode node, string what, in Message message)
    {
        var raft = node.Member?.Raft;
        if (raft is null)
        {
            Said(now, node, what);
            return;
        }

        var glyph = raft.Role switch
        {
            Role.Leader => 'L',
            Role.Candidate => 'C',
            Role.PreCandidate => 'P',
            _ => raft.Config.IsVoter(raft.Self) ? 'f' : 'l',
        };
        var text = message.From.IsNone ? what : $"{what} {message}";
        writer.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{Time(now)}  {node.Self} {glyph} t{raft.Term,-3} ..{raft.Last.Index,-4} d{raft.Durable,-4} c{raft.Committed,-4} a{raft.Applied,-4} {text}"));
    }

    public void Said(long now, SimulatedNode node, string what) => writer.WriteLine($"{Time(now)}  {node.Self} {what}");

    public void Said(long now, string what) => writer.WriteLine($"{Time(now)}  * {what}");

    private static string Time(long now)
        => string.Create(CultureInfo.InvariantCulture, $"{now / 1_000_000,6}.{now / 1000 % 1000:000} ms");
}
