using RaftKv.Storage.Mvcc;

namespace RaftKv.Storage.Tests.Mvcc;

/// <summary>Keeps a history, in order.</summary>
internal sealed class HistoryCollection : IHistorySink
{
    public List<(Revision Revision, byte[] Record)> Changes { get; } = [];

    public List<long> Ended { get; } = [];

    public void Accept(Revision revision, ReadOnlySpan<byte> record) => Changes.Add((revision, record.ToArray()));

    public bool EndOfRevision(long main)
    {
        Ended.Add(main);
        return true;
    }
}
