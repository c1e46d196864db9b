namespace RaftKv.Load.Watching;

/// <summary>What a message of a watch stream says.</summary>
internal readonly ref struct WatchAnswer
{
    public int Events { get; private init; }

    public ReadOnlySpan<byte> LastEvent { get; private init; }

    public bool IsCreated { get; private init; }

    public bool IsCanceled { get; private init; }

    public static WatchAnswer Read(ReadOnlySpan<byte> message)
    {
        var (events, isCreated, isCanceled) = (0, false, false);
        ReadOnlySpan<byte> last = default;
        var fields = new FieldReader(message);
        while (fields.Read())
        {
            switch (fields.Number)
            {
                case 3:
                    isCreated = fields.Value != 0;
                    break;
                case 4:
                    isCanceled = fields.Value != 0;
                    break;
                case 11:
                    events++;
                    last = fields.Bytes;
                    break;
            }
        }

        return new WatchAnswer { Events = events, LastEvent = last, IsCreated = isCreated, IsCanceled = isCanceled };
    }
}
